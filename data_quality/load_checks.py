"""The checks of a load, made in its own transaction: what fails them is never visible to anybody else."""

from __future__ import annotations

from data_quality.quality_checks import CheckResult, evaluate, load_checks
from data_quality.scope import Scope, close_scope, open_scope
from shared.database import Cursor


def check_load(cursor: Cursor, scope: Scope) -> list[CheckResult]:
    """Evaluate every check over the dates of the load. Raises StopRun when a query does not work."""
    opened = open_scope(cursor, scope)
    results = [result for check in load_checks() for result in evaluate(cursor, check, opened)]
    close_scope(cursor)
    return results
