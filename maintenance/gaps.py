"""Business dates without a published load."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from shared.database import Connection, read_sql, transaction
from shared.sources.expected import Expected, expected_since

ONE_DAY = timedelta(days=1)
_LOADED = Path(__file__).parent / "sql" / "loaded_dates.sql"


@dataclass(frozen=True, order=True)
class Gap:
    """A retailer's business date without a published load."""

    retailer_id: str
    business_date: date


@dataclass(frozen=True, order=True)
class GapRange:
    """Consecutive gaps of a retailer."""

    retailer_id: str
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        """`2024-01-01`, or `2024-01-01 to 2024-01-05 (5 dates)`."""
        return str(self.first) if self.days == 1 else f"{self.first} to {self.last} ({self.days} dates)"


def find_gaps(connection: Connection, first: date | None, last: date, expected: Expected) -> list[Gap]:
    """The dates up to `last` that can be missing (`expected_since`) and were not loaded.

    Given `first`, they begin there, also if that is before the retailer's first load.
    """
    loaded = read_loaded(connection, last, list(expected))
    since = expected_since(expected, {name: first or min(days) for name, days in loaded.items()})
    return _gaps({name: missing_dates(days, since[name], last) for name, days in loaded.items()})


def find_recent_gaps(connection: Connection, last: date, days: int, expected: Expected) -> list[Gap]:
    """The gaps among the latest `days` dates.

    Counts from the first of these dates that was loaded, as the scheduled run does: an old date that was loaded
    separately does not open a gap. When none of the dates was loaded, all are missing.
    """
    found = {}
    all_loaded = read_loaded(connection, last, list(expected))
    since = expected_since(expected, {name: min(loaded) for name, loaded in all_loaded.items()})
    for name, loaded in all_loaded.items():
        earliest = max(last - timedelta(days=days - 1), since[name])
        recent = [day for day in loaded if day >= earliest]
        found[name] = missing_dates(loaded, min(recent, default=earliest), last)
    return _gaps(found)


def read_loaded(connection: Connection, last: date, retailers: Sequence[str]) -> dict[str, set[date]]:
    """The published business dates of each retailer that has any."""
    loaded: dict[str, set[date]] = {}
    with transaction(connection) as cursor:
        cursor.execute(read_sql(_LOADED), {"retailers": list(retailers), "last": last})
        for retailer_id, day in cursor.fetchall():
            loaded.setdefault(retailer_id, set()).add(day)
    return loaded


def missing_dates(loaded: Collection[date], first: date, last: date) -> list[date]:
    """The dates from `first` to `last`, both included, that are not among the loaded ones."""
    return [day for day in _dates(first, last) if day not in loaded]


def as_ranges(gaps: Sequence[Gap]) -> list[GapRange]:
    """Join consecutive gaps."""
    ranges: list[GapRange] = []
    for gap in sorted(gaps):
        before = ranges[-1] if ranges else None
        if before and before.retailer_id == gap.retailer_id and before.last + ONE_DAY == gap.business_date:
            ranges[-1] = GapRange(gap.retailer_id, before.first, gap.business_date)
        else:
            ranges.append(GapRange(gap.retailer_id, gap.business_date, gap.business_date))
    return ranges


def _gaps(missing: Mapping[str, Sequence[date]]) -> list[Gap]:
    return [Gap(name, day) for name in sorted(missing) for day in missing[name]]


def _dates(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
