"""Raises alerts for missing business dates, and resolves them once the dates are loaded."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import date

from maintenance.gaps import Gap, GapRange, as_ranges, find_recent_gaps, read_loaded
from maintenance.open_alerts import open_alerts, resolve
from maintenance.task import TaskContext, TaskResult
from monitoring.alerts import Alert, raise_alert
from shared.sources.expected import expected_since, expected_sources

KIND = "missing_data"
DAYS = 35


def watch_gaps(context: TaskContext, *, days: int = DAYS) -> TaskResult:
    """Raise an alert for each range of missing dates among the latest `days`; resolve those that are not missing.

    A date is not missing when it is loaded, or when no scheduled run reads it any more: the source was removed,
    disabled or made manual, or its start date is later.

    A range has one alert, under its first date: an outage of a month is one problem, not thirty.
    """
    expected = expected_sources(context.settings.sources)
    with context.warehouse() as connection:
        gaps = find_recent_gaps(connection, context.yesterday, days, expected)
        loaded = read_loaded(connection, context.yesterday, list(expected))
        alerted = open_alerts(connection, KIND).dates
    since = expected_since(expected, {name: min(days) for name, days in loaded.items()})
    settled = {(name, day) for name, day in alerted if day in loaded.get(name, ()) or day < since.get(name, date.max)}
    ranges = [_from_first_alert(each, alerted, loaded.get(each.retailer_id, set())) for each in as_ranges(gaps)]
    for each in ranges:
        raise_alert(context.dsn, _alert(each, context.run_id), clock=context.clock)
    resolved = sum(resolve(context, KIND, name, day) for name, day in sorted(settled))
    summary = "; ".join(f"{each.retailer_id}: {each}" for each in ranges) or "no date is missing"
    return TaskResult(summary, {"gaps": gap_facts(gaps), "alerts": len(ranges), "resolved": resolved})


def _from_first_alert(gap: GapRange, alerted: Set[tuple[str, date]], loaded: Set[date]) -> GapRange:
    """The range from the date of its existing alert: in a long outage the checked dates move on."""
    earlier = [day for name, day in alerted if name == gap.retailer_id and day < gap.first]
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
        "No load was published for it. To see why: retail schedule runs. To fill it:"
        f" retail gaps --from {gap.first} --to {gap.last} --retailer {gap.retailer_id} --fill",
        business_date=gap.first,
        retailer_id=gap.retailer_id,
        run_id=run_id,
    )
