"""The critical checks as the gate of every load: a date that fails one of them stays landed and is not published.

The checks are made in the load's own transaction, so no reader ever sees what fails them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from data_quality import audit_table
from data_quality.held_loads import table
from data_quality.load_checks import check_dates
from data_quality.quality_checks import CheckResult, Status
from monitoring.alerts.outcomes import command_origin, report_held
from shared.database import Cursor
from shared.publication_gate import CheckedLoad, HeldDate, LandedContent


@dataclass(frozen=True)
class _FailedDate(HeldDate):
    """A date that has just failed, with the results of all its checks."""

    results: tuple[CheckResult, ...] = ()


class QualityGate:
    """Holds the dates that fail a critical check, unless a user has approved exactly this content."""

    def left_out(
        self, cursor: Cursor, retailer_id: str, landed: Mapping[date, LandedContent], requested: Collection[date]
    ) -> Sequence[HeldDate]:
        """The dates with content that was discarded, or that waits and was not requested."""
        known = table.find_known(cursor, retailer_id, landed)
        return [
            each.as_held(retailer_id)
            for day, each in known.items()
            if each.status == "discarded" or (each.status == "waiting" and day not in requested)
        ]

    def check(self, cursor: Cursor, load: CheckedLoad) -> Sequence[HeldDate]:
        """Check the dates that the load writes. When none is held, settle what was held before."""
        known = table.find_known(cursor, load.retailer_id, load.landed)
        held: list[HeldDate] = [each.as_held(load.retailer_id) for each in known.values() if each.status == "discarded"]
        by_date: dict[date, list[CheckResult]] = defaultdict(list)
        for result in check_dates(cursor, load.retailer_id, load.run_id, load.loaded) if load.loaded else ():
            by_date[result.finding.business_date].append(result)
        for day, results in by_date.items():
            decided = known.get(day)
            approved = decided.failed if decided and decided.status == "approved" else ()
            failed = [each for each in results if each.status is Status.FAIL]
            if not (decided and decided.status == "discarded") and any(
                each.check.name not in approved for each in failed
            ):
                held.append(_failed_date(load, day, results, failed))
        if not held:
            table.settle(cursor, load)
        return held

    def record(self, cursor: Cursor, load: CheckedLoad, held: Sequence[HeldDate]) -> Sequence[HeldDate]:
        """Record the dates that have just failed, and the results of their checks."""
        recorded: list[HeldDate] = []
        for each in held:
            if isinstance(each, _FailedDate):
                failed = [result for result in each.results if result.status is Status.FAIL]
                number = table.hold(cursor, load, each, failed)
                audit_table.record_by_date(cursor, load.run_id, each.results, now=load.now)
                recorded.append(replace(each, held_load_id=number))
            else:
                recorded.append(each)
        return recorded

    def report(self, dsn: str, run_id: str, retailer_id: str, held: Sequence[HeldDate], now: datetime) -> None:
        """Raise the alert of each date that waits. One that is open already is not sent again."""
        waiting = [each for each in held if each.held_load_id and not each.is_discarded]
        report_held(dsn, waiting, command_origin("a load", run_id), clock=lambda: now)


def _failed_date(
    load: CheckedLoad, day: date, results: Sequence[CheckResult], failed: Sequence[CheckResult]
) -> _FailedDate:
    return _FailedDate(
        load.retailer_id,
        day,
        tuple(each.check.name for each in failed),
        tuple(each.message for each in failed),
        results=tuple(results),
    )


class SettlingGate(QualityGate):
    """For a load whose caller makes the checks, and rejects all of it: what waited for its dates, waits no more."""

    def check(self, cursor: Cursor, load: CheckedLoad) -> Sequence[HeldDate]:
        """None is held."""
        table.settle(cursor, load)
        return ()


GATE = QualityGate()
GATE_AFTER_CHECKS = SettlingGate()
