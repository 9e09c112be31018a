"""Tells of expected business dates that are missing, and takes it back when they are there."""

from __future__ import annotations

from collections.abc import Sequence

from maintenance.gaps import Gap, GapRange, as_ranges, find_recent_gaps, read_loaded
from maintenance.open_alerts import open_alerts, resolve
from maintenance.upkeep import Done, Duty
from shared.alerts import Alert, raise_alert
from shared.config import RETAILER_IDS

KIND = "missing_data"
DAYS = 35


def watch_gaps(duty: Duty, *, days: int = DAYS, retailers: Sequence[str] = RETAILER_IDS) -> Done:
    """Raise an alert for each range of missing dates among the latest `days`; resolve those whose date is loaded.

    One alert for a range, by its first date: an outage of a month is one thing to look at, not thirty.
    """
    with duty.warehouse() as connection:
        gaps = find_recent_gaps(connection, duty.yesterday, days, retailers)
        loaded = read_loaded(connection, duty.yesterday, retailers)
        gone = {(name, day) for name, day in open_alerts(connection, KIND) if day in loaded.get(name, ())}
    ranges = as_ranges(gaps)
    for each in ranges:
        raise_alert(duty.dsn, _alert(each, duty.run_id), clock=duty.clock)
    resolved = sum(resolve(duty, KIND, name, day) for name, day in sorted(gone))
    told = "; ".join(f"{each.retailer_id}: {each}" for each in ranges) or "no date is missing"
    return Done(told, {"gaps": gap_facts(gaps), "alerts": len(ranges), "resolved": resolved})


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
