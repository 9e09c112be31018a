"""What a run of the checks looks at: the business dates, and the sources that have to be there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from shared.currencies import CURRENCIES
from shared.database import Cursor, read_sql
from shared.errors import FixConfiguration
from shared.sources.expected import expected_on
from shared.sources.registry import Sources

_SQL = Path(__file__).parent / "sql"
_SETTINGS = {"work_mem": "'64MB'", "jit": "off", "enable_nestloop": "off", "enable_mergejoin": "off"}
"""PostgreSQL's settings while the checks run."""


@dataclass(frozen=True)
class Scope:
    """The requested date and its sources."""

    day: date
    run_id: str
    scheduled: tuple[str, ...]
    """The sources that should have data of the date."""
    expected: tuple[str, ...]
    """Those of them without which the run fails."""
    only: tuple[str, ...] | None = None
    """No other source is checked; None for no limit."""
    only_dates: tuple[date, ...] | None = None
    """No other date is checked; None for no limit."""
    date_keys: tuple[int, ...] = ()
    """The requested date and the others that the same run loaded; filled in by `open_scope`."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What every query may bind."""
        return {
            "day": self.day,
            "date_key": int(f"{self.day:%Y%m%d}"),
            "date_keys": list(self.date_keys),
            "run_id": self.run_id,
            "scheduled": list(self.scheduled),
            "expected": list(self.expected),
            "only": None if self.only is None else list(self.only),
            "only_dates": None if self.only_dates is None else list(self.only_dates),
            "all_currencies": sorted(CURRENCIES),
        }


def of_source(day: date, run_id: str, retailer_id: str, only_dates: tuple[date, ...] | None = None) -> Scope:
    """The dates that a run loaded of one source, `day` among them."""
    return Scope(day, run_id, (retailer_id,), (retailer_id,), only=(retailer_id,), only_dates=only_dates)


def choose_scope(
    cursor: Cursor,
    day: date,
    run_id: str,
    sources: Sources,
    retailers: Sequence[str] | None,
    named: Sequence[str],
    only: Sequence[str],
) -> Scope:
    """The scope of a date. `retailers` are those that the run loaded; None: all that can be missing have to be there.

    `named` are those that the run was for; empty: all that are due. `only` limits the check to these sources. Raises
    FixConfiguration for one of them that is neither defined nor loaded.
    """
    if only:
        _check_known(cursor, only, sources)
        return Scope(day, run_id, tuple(only), tuple(only), only=tuple(only))
    if retailers is None:
        expected = expected_on(cursor, day, sources)
        return Scope(day, run_id, expected, expected)
    # A source that was never loaded is missing in a run for it, too.
    of_the_run = named or sources.due(day)
    return Scope(day, run_id, tuple(dict.fromkeys((*of_the_run, *retailers))), tuple(retailers))


def open_scope(cursor: Cursor, scope: Scope) -> Scope:
    """Make the temporary table checked_slices that every query joins; the scope with its dates filled in."""
    # Sorts of a day's lines fit in memory; compiling these queries takes longer than running them. What was just loaded
    # is not in the statistics yet: expecting one row, the planner would read thousands in nested loops, or merge every
    # line with every date. Complete slices are compared here, so hashing always fits.
    cursor.execute("; ".join(f"SET LOCAL {name} = {value}" for name, value in _SETTINGS.items()))
    cursor.execute(read_sql(_SQL / "checked_slices.sql"), scope.parameters)
    cursor.execute("SELECT DISTINCT date_key FROM checked_slices ORDER BY date_key")
    return replace(scope, date_keys=tuple(row[0] for row in cursor.fetchall()))


def close_scope(cursor: Cursor) -> None:
    """Give the rest of the transaction its own settings back."""
    cursor.execute("DROP TABLE checked_slices")
    cursor.execute("; ".join(f"SET LOCAL {name} = DEFAULT" for name in _SETTINGS))


def _check_known(cursor: Cursor, names: Sequence[str], sources: Sources) -> None:
    cursor.execute("SELECT retailer_id FROM dim_retailer WHERE retailer_key <> 0 ORDER BY retailer_id")
    known = {*sources.ids, *(row[0] for row in cursor.fetchall())}
    if unknown := sorted(set(names) - known):
        raise FixConfiguration(f"Unknown retailer: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
