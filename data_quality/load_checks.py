"""The checks of a load, made in its own transaction: what fails them is never visible to anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from data_quality.quality_checks import Check, CheckResult, Severity, evaluate, load_checks
from data_quality.scope import Scope, close_scope, of_source, open_scope
from shared.database import Cursor

SMALL_LOAD_DATES = 10
"""A load of more dates makes only the checks that can fail for what a source delivered.

All of them would take half as long as the load. The others look for what its audit and the constraints of the tables
rule out.
"""


def check_load(cursor: Cursor, scope: Scope) -> list[CheckResult]:
    """Make all checks that come before a publication, also those that only warn. Raises StopRun for a wrong query."""
    return _evaluate(cursor, scope, load_checks())


def check_dates(cursor: Cursor, retailer_id: str, run_id: str, days: Sequence[date]) -> list[CheckResult]:
    """Make those of them that can hold a date, for the dates that a load of one source writes."""
    critical = [each for each in load_checks() if each.severity is Severity.CRITICAL]
    return _evaluate(cursor, of_source(days[-1], run_id, retailer_id, only_dates=tuple(days)), critical)


def _evaluate(cursor: Cursor, scope: Scope, checks: Sequence[Check]) -> list[CheckResult]:
    opened = open_scope(cursor, scope)
    made = ("always", "small_loads") if len(opened.date_keys) <= SMALL_LOAD_DATES else ("always",)
    checks = [each for each in checks if each.before_publishing in made]
    results = [result for check in checks for result in evaluate(cursor, check, opened)]
    close_scope(cursor)
    return results
