"""Which dates of a source have to be in the warehouse. Every part that looks for missing data uses this rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from shared.database import Cursor, read_sql
from shared.sources.registry import Sources

FIRST_LOADS = Path(__file__).parent / "sql" / "first_loads.sql"
"""The query for the first loaded date of each source."""
Expected = Mapping[str, date | None]
"""Sources of which dates can be missing, each with its start date, if it has one."""


def expected_sources(sources: Sources) -> dict[str, date | None]:
    """The sources that daily runs read: those with `schedule: daily` that are neither disabled nor removed."""
    found = {name: sources.find(name) for name in sources.scheduled()}
    return {name: definition.start_date if definition else None for name, definition in found.items()}


def expected_since(expected: Expected, first_loads: Mapping[str, date]) -> dict[str, date]:
    """The first date that can be missing of each source: its start date, but not before its first loaded date.

    A source that was never loaded has none: nobody knows since when it has data.
    """
    return {name: max(expected[name] or first, first) for name, first in first_loads.items() if name in expected}


def expected_on(cursor: Cursor, day: date, sources: Sources) -> tuple[str, ...]:
    """The sources whose data of `day` has to be in the warehouse."""
    expected = expected_sources(sources)
    cursor.execute(read_sql(FIRST_LOADS), {"retailers": list(expected)})
    since = expected_since(expected, {name: first for name, first, _ in cursor.fetchall()})
    return tuple(name for name in expected if name in since and since[name] <= day)
