"""The checks of a load, made in its own transaction: what fails them is never visible to anybody else.

They are those that can stop a load for what the source delivered, and the cheap ones. All of them together would more
than double the time of a load. Of the others, the critical ones look for what the audit and the constraints of the
tables rule out in the load itself; the warnings, such as few known customers, are found by the next check of the date.
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
