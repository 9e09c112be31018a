"""The figures to reach, and whether they were reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.bench import DECADE, YEAR
from benchmarks.results import Results, at

MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class Figure:
    """One line of the table. `must` and `aim` are limits in the unit of `measured`; no limit, no outcome."""

    work: str
    measured: float | None
    must: float | None
    aim: float | None
    show: Callable[[float], str]
    at_least: bool = False

    @property
    def outcome(self) -> str:
        """Whether the aim, only the must, or neither was reached, as text."""
        if self.measured is None:
            return "not measured"
        if self._reached(self.aim):
            return "aim reached"
        if self._reached(self.must):
            return "must reached" if self.aim is not None else "reached"
        return "for comparison" if self.must is None and self.aim is None else "**missed**"

    @property
    def limits(self) -> tuple[str, str]:
        """Must and aim as text."""
        sign = "≥" if self.at_least else "≤"
        must, aim = ("–" if limit is None else f"{sign} {self._plain(limit)}" for limit in (self.must, self.aim))
        return must, aim

    @property
    def shown(self) -> str:
        """The measured figure as text."""
        return "–" if self.measured is None else self.show(self.measured)

    def _plain(self, limit: float) -> str:
        return re.sub(r"\.00? ", " ", self.show(limit))

    def _reached(self, limit: float | None) -> bool:
        if limit is None or self.measured is None:
            return False
        return self.measured >= limit if self.at_least else self.measured <= limit


def times(value: float) -> str:
    """A ratio."""
    return f"{value:.2f} ×"


def seconds(value: float) -> str:
    """A duration."""
    return f"{value:.2f} s" if value >= 0.1 else f"{1000 * value:.1f} ms"


def memory(value: float) -> str:
    """A size."""
    return f"{value / GIB:.2f} GiB" if value >= GIB else f"{value / MIB:.0f} MiB"


def figures(results: Results) -> Iterator[Figure]:
    """Every figure, in the order of the document."""
    look = _Look(results)
    etl, floor = at("etl", YEAR), at("floor", YEAR)
    yield Figure(
        "CSV to the published warehouse, complete process, against the floor", look.ratio(etl, floor), 5, 3, times
    )
    yield from _against_dlt(look, etl)
    yield Figure("the obvious way, which only writes finished rows, against this",
                 look.ratio(at("obvious way", YEAR), etl), None, None, times, at_least=True)  # fmt: skip
    yield Figure(
        "the same file again, nothing changed, against the floor", look.ratio(at("etl again", YEAR), floor), 3, 2, times
    )
    yield Figure(
        "warehouse rows written by that", look.fact(at("etl again", YEAR), "rows written"), 0, None, "{:.0f}".format
    )
    yield Figure("ten times the rows: time, against the file once", look.ratio(at("etl", DECADE), etl), 11, 10, times)
    yield Figure("ten times the rows: peak memory of the process", look.peak(at("etl", DECADE)), GIB, 512 * MIB, memory)
    yield Figure(
        "one day, 3 × 5,000 records, empty warehouse, in process", look.seconds("day@empty"), 1.0, None, seconds
    )
    held = look.fact("day@filled", "held")
    facts = "50 million" if held is None else f"{held / 1e6:.0f} million" if held >= 1e6 else f"{held:,.0f}"
    yield Figure(f"the same on top of {facts} facts in 60 months, against empty",
                 look.ratio("day@filled", "day@empty"), 1.5, 1.05, times)  # fmt: skip
    yield Figure("pages to lines of the raw zone, one core, slowest retailer", look.records_a_second(),
                 100_000, 200_000, "{:,.0f} records/s".format, at_least=True)  # fmt: skip
    yield Figure(f"refresh of all views, {YEAR:,} rows loaded", look.seconds(at("refresh", YEAR)), 1.0, 0.5, seconds)
    yield Figure("the same at ten times the rows, against that", look.ratio(at("refresh", DECADE), at("refresh", YEAR)),
                 None, 2.0, times)  # fmt: skip
    yield Figure("slowest BI example query, 5.4 million rows loaded", look.slowest_query(), 0.1, 0.03, seconds)


def _against_dlt(look: _Look, etl: str) -> Iterator[Figure]:
    names = {
        "dlt's load of the CSV by COPY, against this": ("arrow_csv", 2.0, 3.0),
        "dlt's load of the CSV by ADBC, against this": ("arrow_parquet", None, None),
        "dlt's documented CSV reader, against this": ("documented", None, None),
        "dlt's merge of the CSV, against this": ("arrow_csv_merge", None, None),
    }
    for work, (method, must, aim) in names.items():
        yield Figure(work, look.ratio(at(f"dlt {method}", YEAR), etl), must, aim, times, at_least=True)


class _Look:
    """Figures from the timings; None if something was not measured."""

    def __init__(self, results: Results) -> None:
        self._timings = results.timings

    def seconds(self, name: str) -> float | None:
        timing = self._timings.get(name)
        return timing.seconds if timing else None

    def ratio(self, name: str, to: str) -> float | None:
        one, other = self.seconds(name), self.seconds(to)
        return one / other if one is not None and other else None

    def peak(self, name: str) -> float | None:
        return self._timings[name].peak_bytes if name in self._timings else None

    def fact(self, name: str, fact: str) -> float | None:
        timing = self._timings.get(name)
        return float(timing.facts[fact]) if timing and fact in timing.facts else None

    def records_a_second(self) -> float | None:
        rates = [
            timing.rows / timing.middle(lambda cost: cost.processor_seconds)
            for name, timing in self._timings.items()
            if name.startswith("pages@")
        ]
        return min(rates, default=None)

    def slowest_query(self) -> float | None:
        ending = f"@{DECADE}"
        return max(
            (
                each.seconds
                for name, each in self._timings.items()
                if name.startswith("query ") and name.endswith(ending)
            ),
            default=None,
        )
