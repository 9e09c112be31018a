"""Tells of expected business dates that are missing, and takes it back when they are there."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import date

from maintenance.gaps import Gap, GapRange, as_ranges, find_recent_gaps, read_loaded
from maintenance.open_alerts import open_alerts, resolve
from maintenance.task import TaskContext, TaskResult
from monitoring.alerts import Alert, raise_alert
from shared.config import RETAILER_IDS

KIND = "missing_data"
DAYS = 35


def watch_gaps(context: TaskContext, *, days: int = DAYS, retailers: Sequence[str] = RETAILER_IDS) -> TaskResult:
    """Raise an alert for each range of missing dates among the latest `days`; resolve those whose date is loaded.

    One alert for a range, by its first date: an outage of a month is one thing to look at, not thirty.
    """
    with context.warehouse() as connection:
        gaps = find_recent_gaps(connection, context.yesterday, days, retailers)
        loaded = read_loaded(connection, context.yesterday, retailers)
        told = open_alerts(connection, KIND)
    gone = {(name, day) for name, day in told if day in loaded.get(name, ())}
    ranges = [_since_first_told(each, told, loaded.get(each.retailer_id, set())) for each in as_ranges(gaps)]
    for each in ranges:
        raise_alert(context.dsn, _alert(each, context.run_id), clock=context.clock)
    resolved = sum(resolve(context, KIND, name, day) for name, day in sorted(gone))
    summary = "; ".join(f"{each.retailer_id}: {each}" for each in ranges) or "no date is missing"
    return TaskResult(summary, {"gaps": gap_facts(gaps), "alerts": len(ranges), "resolved": resolved})


def _since_first_told(gap: GapRange, told: Set[tuple[str, date]], loaded: Set[date]) -> GapRange:
    """The range from the date that is its alert's already: the dates looked at move on under a long outage."""
    earlier = [day for name, day in told if name == gap.retailer_id and day < gap.first]
    last_loaded = max((day for day in loaded if day < gap.first), default=date.min)
    return replace(gap, first=min((day for day in earlier if day > last_loaded), default=gap.first))


def gap_facts(gaps: Sequence[Gap]) -> dict[str, list[str]]:
    """The missing dates of each retailer, JSON-able."""
    facts: dict[str, list[str]] = {}
    for gap in gaps:
        facts.setdefault(gap.retailer_id, []).append(gap.business_date.isoformat())
    return facts


def _alert(gap: GapRange, run_id: str) -> Alert:
    return Alert(
        KIND,
        "error",
        f"{gap.retailer_id} has no data for {gap}",
        "Nothing was published for it. See why: retail schedule runs. To fill it:"
        f" retail gaps --from {gap.first} --to {gap.last} --retailer {gap.retailer_id} --fill",
        business_date=gap.first,
        retailer_id=gap.retailer_id,
        run_id=run_id,
    )
