"""Which dates of a load are left alone, merged row by row, or built as complete months."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from shared.counts import counted
from shared.database import Cursor
from shared.errors import StopRun

BUILD_FROM_ROWS = 8_000
"""A month of at least so many rows is cheaper to build separately than to merge."""
BUILD_FROM_SHARE = 0.3
"""The least share of a month's future rows that the load must hold to make copying the others worthwhile."""

MOST_MONTHS = 480
"""Of fact_sales. A query without dates locks each month with its five indexes and its toast table, and a load locks
those of its months. By default PostgreSQL has room for 6,400 locks, and for twice as many holders."""


class LoadPath(StrEnum):
    """How rows get into fact_sales. Both ways end in the same warehouse."""

    AUTO = "auto"
    """Per month, whichever costs less; dates with nothing new are not loaded again."""
    MERGE = "merge"
    BUILD = "build"


@dataclass(frozen=True)
class MonthPlan:
    """A month that is built: the load's dates in it, and whether it takes the place of one that is there."""

    first_day: date
    days: tuple[date, ...]
    replaces: bool

    @property
    def partition(self) -> str:
        """Its table in schema ops once it is attached."""
        return partition_name(self.first_day)


@dataclass(frozen=True)
class LoadPlan:
    """Every date of the load is in one of the three."""

    unchanged: tuple[date, ...]
    merged: tuple[date, ...]
    months: tuple[MonthPlan, ...]

    @property
    def built(self) -> tuple[date, ...]:
        """Dates in months that are built."""
        return tuple(day for month in self.months for day in month.days)

    @property
    def replaced(self) -> tuple[date, ...]:
        """The first days of the months that are built in place of those that are there."""
        return tuple(month.first_day for month in self.months if month.replaces)

    @property
    def loaded(self) -> tuple[date, ...]:
        """Dates that are merged or built."""
        return tuple(sorted((*self.merged, *self.built)))


def date_key(day: date) -> int:
    """20240115 for 2024-01-15, as in dim_date."""
    return int(f"{day:%Y%m%d}")


def date_of_key(key: int) -> date:
    """The date of a key of dim_date."""
    return date(key // 10_000, key // 100 % 100, key % 100)


def first_of_month(day: date) -> date:
    """The first day of the month of `day`."""
    return day.replace(day=1)


def last_of_month(first_day: date) -> date:
    """The last day of the month that begins on `first_day`."""
    return (first_day + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def partition_name(first_day: date) -> str:
    """The table of a month of fact_sales, in schema ops."""
    return f"fact_sales_{first_day:%Y_%m}"


def make_plan(
    rows: Mapping[date, int],
    present: Mapping[date, int],
    path: LoadPath,
    *,
    unchanged: Collection[date] = (),
    split_dates: Collection[date] = (),
) -> LoadPlan:
    """Decide per month. `rows` counts what is to be loaded per date; `present` the rows of each month that exists.

    Dates that share transactions with others are merged, since the latest line is chosen row by row. If such a date is
    in a month that would be replaced, all dates of the month are merged, so that its rows change in one place only.
    """
    by_month: dict[date, list[date]] = {}
    for day in sorted(set(rows) - set(unchanged)):
        by_month.setdefault(first_of_month(day), []).append(day)
    split_months = {first_of_month(day) for day in split_dates}
    merged: list[date] = []
    months: list[MonthPlan] = []
    for month, days in by_month.items():
        replaces = month in present
        built = _pays(sum(rows[day] for day in days), present.get(month, 0), path)
        if not built or (replaces and month in split_months):
            merged += days
            continue
        merged += [day for day in days if day in split_dates]
        months.append(MonthPlan(month, tuple(day for day in days if day not in split_dates), replaces))
    return LoadPlan(tuple(sorted(unchanged)), tuple(sorted(merged)), tuple(months))


def _pays(rows: int, present: int, path: LoadPath) -> bool:
    if path is not LoadPath.AUTO:
        return path is LoadPath.BUILD
    return rows >= BUILD_FROM_ROWS and rows >= BUILD_FROM_SHARE * max(rows, present)


def months_present(cursor: Cursor, months: Sequence[date]) -> dict[date, int]:
    """Those of the months that exist, with the approximate number of rows in each, from the statistics."""
    cursor.execute(
        "SELECT relname, CASE WHEN relpages > 0 THEN reltuples / relpages ELSE 50 END"
        " * pg_relation_size(pg_class.oid) / current_setting('block_size')::integer"
        " FROM pg_class WHERE relnamespace = 'ops'::regnamespace AND relispartition AND relname = ANY (%s)",
        ([partition_name(month) for month in months],),
    )
    sizes = dict(cursor.fetchall())
    return {month: int(sizes[partition_name(month)]) for month in months if partition_name(month) in sizes}


def check_months(cursor: Cursor, retailer_id: str, new: Sequence[date]) -> None:
    """Raise StopRun if the warehouse would have more than `MOST_MONTHS` with these new ones."""
    if not new:
        return
    cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.fact_sales'::regclass")
    ((present,),) = cursor.fetchall()
    if present + len(new) > MOST_MONTHS:
        raise StopRun(
            f"{retailer_id} has sales in {counted(len(new), 'month')} that the warehouse does not have, from"
            f" {min(new):%Y-%m} to {max(new):%Y-%m}. It has {counted(present, 'month')} and can have {MOST_MONTHS}."
            " Nothing was loaded. Correct the dates, or have lines outside a range rejected: `dates` in the layout or"
            " definition."
        )


def months_missing(cursor: Cursor, days: Collection[date]) -> list[date]:
    """The first days of the months of these dates that do not exist."""
    needed = sorted({first_of_month(day) for day in days})
    present = months_present(cursor, needed)
    return [month for month in needed if month not in present]
