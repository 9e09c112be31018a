"""The checks of a load, made in its own transaction: what fails them is never visible to anybody else.

They are those that look at what the source delivered. The others look for changes since a load, which its audit and the
constraints of the tables rule out for the load itself; they would double the time that it takes.
"""

from __future__ import annotations

from data_quality.quality_checks import CheckResult, evaluate, load_checks
from data_quality.scope import Scope, close_scope, open_scope
from shared.database import Cursor


def check_load(cursor: Cursor, scope: Scope) -> list[CheckResult]:
    """Evaluate them over the dates of the load. Raises StopRun when a query does not work."""
    opened = open_scope(cursor, scope)
    checks = [each for each in load_checks() if each.before_publishing]
    results = [result for check in checks for result in evaluate(cursor, check, opened)]
    close_scope(cursor)
    return results
