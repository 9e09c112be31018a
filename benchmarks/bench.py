"""The measurements of one run. The contestants take turns, so that other load on the machine affects all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from benchmarks import connectors, daily, landing, loads, online_retail, reading
from benchmarks.dlt_environment import NotInstallable, dlt_python
from benchmarks.filled_warehouse import check_room, fill
from benchmarks.process_watch import Cost, watched
from benchmarks.results import Results, Timing, at
from benchmarks.stack import LoadTarget, Stack
from benchmarks.vendor_pages import pages, read_pages

YEAR = online_retail.ROWS
DECADE = 10 * YEAR
SIZES = (5_000, 50_000, YEAR, 3 * YEAR, DECADE)
DLT_METHODS = ("arrow_csv", "arrow_parquet")
"""dlt's load of Arrow tables by COPY and by ADBC: the two fast methods."""
DLT_OTHERS = ("documented", "arrow_csv_merge")
_PAGES_DAY = date(2024, 1, 15)
_WITHOUT_VIEWS = ("--no-refresh",)
"""The figures cover the load up to the published warehouse, quality report included. Views are measured separately."""
_ETL_VARIANTS = {"etl with views": (), "etl without report": (*_WITHOUT_VIEWS, "--no-report")}
_FEWEST_FLOORS = 3
"""Everything is divided by the floor, so it is measured more than once."""
_SETTLED_SECONDS = 1.5
"""PostgreSQL 14 collects statistics by messages; those of an ended session have arrived after this time."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    repetitions: int = 5
    sizes: Sequence[int] = SIZES
    dlt_methods: Sequence[str] = (*DLT_METHODS, *DLT_OTHERS)
    page_lines: int = 100_000
    landing: bool = True
    etl_variants: Mapping[str, Sequence[str]] = field(default_factory=lambda: _ETL_VARIANTS)


QUICK = Plan(
    repetitions=1, sizes=(YEAR,), dlt_methods=DLT_METHODS[:1], page_lines=20_000, landing=False, etl_variants={}
)
FULL = Plan()


@dataclass
class Bench:
    """One run. Measurements go into `results` immediately."""

    stack: Stack
    plan: Plan
    directory: Path
    results: Results
    progress: Callable[[str], None]

    def run(self) -> None:
        """Measure everything except the large warehouse."""
        self._pages()
        self.run_connectors()
        self._timing("day@empty", daily.days_into_empty(self.stack, self.plan.repetitions, self.progress))
        source = online_retail.make_source(self.directory)
        python = self._dlt_python()
        for rows in self.plan.sizes:
            with self._loaded(online_retail.with_rows(source, rows), rows, python) as target:
                if rows == YEAR:
                    self._year(target, source, python)
                if rows == max(self.plan.sizes):
                    self._largest(target, rows)

    def run_connectors(self) -> None:
        """Measure each kind of connector, up to landed records."""
        repetitions = min(3, self.plan.repetitions)
        lines = self.plan.page_lines
        for name, found in connectors.measure(self.stack, self.directory, lines, repetitions, self.progress):
            if isinstance(found, str):
                self.results.notes.append(found)
                self.progress(f"{name}: not measured: {found}")
            else:
                self._timing(name, found)

    def run_large(self, facts: int) -> None:
        """Measure one day on top of a warehouse with years of data: `facts` in 60 months."""
        check_room(facts)
        if "day@empty" not in self.results.timings:
            self._timing("day@empty", daily.days_into_empty(self.stack, self.plan.repetitions, self.progress))
        name, _ = self.stack.warehouse()
        held = fill(self.stack.server.superuser_dsn(name), facts, self.progress)
        with self.stack.target(existing=name) as target:
            self._days_on_top(target, held, "filled", daily.FIRST_DAY)

    def _timing(self, name: str, timing: Timing) -> None:
        self.results.timings[name] = timing
        self.progress(f"{name}: {timing.seconds:.3f} s" if timing.costs else name)

    def _dlt_python(self) -> Path | None:
        try:
            return dlt_python(self.progress)
        except NotInstallable as error:
            self.results.notes.append(str(error))
            return None

    def _pages(self) -> None:
        for number in (1, 2, 3):
            timing = Timing()
            bodies = pages(number, self.plan.page_lines, _PAGES_DAY)
            for _ in range(self.plan.repetitions):
                with watched({}) as cost:
                    timing.rows = read_pages(number, bodies, _PAGES_DAY, len).landed
                timing.costs.append(cost)
            self._timing(f"pages@retailer_{number}", timing)
            if self.plan.landing:
                timing = landing.landings(self.stack, number, min(2, self.plan.repetitions))
                self._timing(f"landing@retailer_{number}", timing)

    @contextmanager
    def _loaded(self, file: Path, rows: int, python: Path | None) -> Iterator[LoadTarget]:
        """Run the contestants that load every size. The block gets the warehouse of one `retail etl`."""
        repetitions = self.plan.repetitions if rows <= YEAR else max(1, self.plan.repetitions // 2)
        floor, etl = Timing(), Timing(rows=rows)
        others = {method: Timing(rows=rows) for method in self.plan.dlt_methods if method in DLT_METHODS and python}
        with self.stack.target() as target:
            self.progress(f"{rows:,} rows: once while watching memory")
            etl.watched = self._etl(etl, target, file, watch_memory=True, count=False)
            facts = self.directory / "facts.copy"
            floor.rows = loads.export_facts(self.stack.server.superuser_dsn(target.name), facts)
            for number in range(1, repetitions + 1):
                self.progress(f"{rows:,} rows: round {number} of {repetitions}")
                for _ in range(max(1, _FEWEST_FLOORS // repetitions)):
                    floor.costs.append(loads.floor(self.stack, target.name, facts))
                with self.stack.target() as fresh:
                    self._etl(etl, fresh, file)
                for method, timing in others.items():
                    timing.costs.append(loads.dlt(self.stack, python or Path(), method, file))
            self._timing(at("floor", rows), floor)
            self._timing(at("etl", rows), etl)
            for method, timing in others.items():
                self._timing(at(f"dlt {method}", rows), timing)
            yield target

    def _etl(
        self,
        timing: Timing,
        target: LoadTarget,
        file: Path,
        *,
        options: Sequence[str] = _WITHOUT_VIEWS,
        watch_memory: bool = False,
        count: bool = True,
    ) -> Cost:
        run = loads.etl(self.stack, target, file, options=options, watch_memory=watch_memory)
        if count:
            timing.costs.append(run.cost)
            for step, seconds in run.steps.items():
                timing.steps.setdefault(step, []).append(seconds)
        return run.cost

    def _year(self, target: LoadTarget, file: Path, python: Path | None) -> None:
        """What is measured only with the real file."""
        self._again(target, file)
        for name, options in self.plan.etl_variants.items():
            variant = Timing(rows=YEAR)
            for _ in range(self.plan.repetitions):
                with self.stack.target() as fresh:
                    self._etl(variant, fresh, file, options=options)
            self._timing(at(name, YEAR), variant)
        facts = self.directory / "facts.copy"
        obvious = Timing(rows=self.results.timings[at("floor", YEAR)].rows)
        for _ in range(min(2, self.plan.repetitions)):
            obvious.costs.append(loads.obvious_way(self.stack, target.name, facts))
        self._timing(at("obvious way", YEAR), obvious)
        for method in self.plan.dlt_methods if python else ():
            if method not in DLT_METHODS:
                timing = Timing(rows=YEAR, costs=[loads.dlt(self.stack, python or Path(), method, file)])
                self._timing(at(f"dlt {method}", YEAR), timing)
        self._refreshes(target, YEAR)

    def _again(self, target: LoadTarget, file: Path) -> None:
        """Load the same file again into its warehouse: nothing may be written."""
        again = Timing(rows=YEAR)
        time.sleep(_SETTLED_SECONDS)
        before = loads.rows_written(self.stack, target.name)
        for _ in range(self.plan.repetitions):
            self._etl(again, target, file)
        time.sleep(_SETTLED_SECONDS)
        after = loads.rows_written(self.stack, target.name)
        written = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
        again.facts["rows written"] = str(sum(written.values()))
        again.facts["written to"] = ", ".join(f"{name} {count:,}" for name, count in sorted(written.items()))
        self._timing(at("etl again", YEAR), again)

    def _largest(self, target: LoadTarget, rows: int) -> None:
        if rows != YEAR:
            self._refreshes(target, rows)
        for name, timing in reading.queries(target, max(3, 2 * self.plan.repetitions)).items():
            self._timing(at(f"query {name}", rows), timing)
        if rows != YEAR:
            self._days_on_top(target, rows, "loaded", online_retail.day_after(rows))

    def _refreshes(self, target: LoadTarget, rows: int) -> None:
        first, repeated = reading.refreshes(self.stack, target, self.plan.repetitions)
        self._timing(at("first filling of views", rows), first)
        self._timing(at("refresh", rows), repeated)

    def _days_on_top(self, target: LoadTarget, held: int, how: str, first: date) -> None:
        new, again = daily.days_on_top(self.stack, target, self.plan.repetitions, self.progress, first)
        for timing in (new, again):
            timing.facts["held"] = str(held)
        self._timing(f"day@{how}", new)
        self._timing(f"same day@{how}", again)
