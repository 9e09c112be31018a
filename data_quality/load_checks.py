"""The checks of a load, made in its own transaction: what fails them is never visible to anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from data_quality.quality_checks import Check, CheckResult, Severity, evaluate, load_checks
from data_quality.scope import Scope, close_scope, of_source, open_scope
from shared.database import Cursor


def check_load(cursor: Cursor, scope: Scope) -> list[CheckResult]:
    """Make all checks that come before a publication, also those that only warn. Raises StopRun for a wrong query."""
    return _evaluate(cursor, scope, [each for each in load_checks() if each.before_publishing])


def check_dates(cursor: Cursor, retailer_id: str, run_id: str, days: Sequence[date]) -> list[CheckResult]:
    """Make those of them that can hold a date, for the dates that a load of one source writes."""
    gates = [each for each in load_checks() if each.before_publishing and each.severity is Severity.CRITICAL]
    return _evaluate(cursor, of_source(days[-1], run_id, retailer_id, only_dates=tuple(days)), gates)


def _evaluate(cursor: Cursor, scope: Scope, checks: Sequence[Check]) -> list[CheckResult]:
    opened = open_scope(cursor, scope)
    results = [result for check in checks for result in evaluate(cursor, check, opened)]
    close_scope(cursor)
    return results
