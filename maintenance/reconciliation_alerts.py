"""Raises alerts for dates that do not reconcile, and resolves them once they do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from maintenance.open_alerts import OpenAlerts, resolve, resolve_task
from maintenance.reconciliation_inputs import Slice
from maintenance.task import TaskContext
from monitoring.alerts import Alert, raise_alert
from shared.counts import counted

KIND = "reconciliation"
TASK = "reconcile"
"""Named by the alert of a source as a whole, which has no date: this is how it is found again when it is resolved."""
NO_MANIFEST = "the ledger has a load of it, but the raw zone has no manifest"
MOST_ALERTS = 5
"""How many dates of a source have an alert each. More of them have one problem, not many."""
_SHOWN = 20
Differences = Mapping[Slice, Sequence[str]]


def report(context: TaskContext, found: Differences, compared: Collection[Slice], open_now: OpenAlerts) -> int:
    """Raise an alert for each date that differs, or one for a source of which many do or all.

    An alert whose difference is gone is resolved. Returns how many were resolved.
    """
    together = summarised(found, compared)
    for name, days in sorted(together.items()):
        alert = _of_source(context, name, {day: found[name, day] for day in days})
        raise_alert(context.dsn, alert, clock=context.clock)
    for (name, day), differences in sorted(found.items()):
        if name not in together:
            raise_alert(context.dsn, _of_date(name, day, differences, context.run_id), clock=context.clock)
    resolved = sum(resolve(context, KIND, *each) for each in sorted(open_now.dates - found.keys()))
    return resolved + sum(
        resolve_task(context, KIND, name, TASK) for name in sorted(open_now.sources - together.keys())
    )


def summarised(found: Collection[Slice], compared: Collection[Slice]) -> dict[str, list[date]]:
    """The sources with one alert for all their dates that differ: more than a few dates, or several and no other."""
    days = {name: sorted(_days_of(name, found)) for name, _ in found}
    return {
        name: differ
        for name, differ in days.items()
        if len(differ) > MOST_ALERTS or len(differ) == len(list(_days_of(name, compared))) > 1
    }


def _days_of(retailer_id: str, slices: Collection[Slice]) -> Iterator[date]:
    return (day for name, day in slices if name == retailer_id)


def _of_date(retailer_id: str, day: date, differences: Sequence[str], run_id: str) -> Alert:
    return Alert(
        KIND,
        "critical",
        f"{retailer_id} {day} does not reconcile: {differences[0]}",
        "; ".join(differences) + f". Load the date again (retail schedule trigger {day}); if it then agrees, readers"
        " have seen wrong figures: find out what changed the warehouse outside the pipeline.",
        business_date=day,
        retailer_id=retailer_id,
        run_id=run_id,
    )


def _of_source(context: TaskContext, retailer_id: str, found: Mapping[date, Sequence[str]]) -> Alert:
    """The alert has no date, so the next one with other dates has the same cause."""
    first, last = min(found), max(found)
    lines = [f"{day}: {'; '.join(differences)}" for day, differences in sorted(found.items())[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"And {len(found) - _SHOWN} more dates.")
    return Alert(
        KIND,
        "critical",
        f"{retailer_id}: {counted(len(found), 'date')} of {first} to {last} do not reconcile",
        "\n".join([*lines, _what_to_do(context, found)]),
        retailer_id=retailer_id,
        run_id=context.run_id,
        task_id=TASK,
    )


def _what_to_do(context: TaskContext, found: Mapping[date, Sequence[str]]) -> str:
    if all(NO_MANIFEST in differences for differences in found.values()):
        s3 = context.settings.s3
        return (
            f"The bucket {s3.bucket_raw} ({s3.place}) has no manifest of these dates. Check S3_BUCKET_RAW and"
            " S3_ENDPOINT_URL: retail config check. If they are right, the objects were deleted: restore them, or land"
            f" the dates again (retail schedule backfill {min(found)} {max(found)} --reprocess completed)."
        )
    return (
        "So many dates together often have one cause, such as the wrong bucket or database in the settings. See: retail"
        f" config check. If they are right, load the dates again (retail schedule backfill {min(found)} {max(found)}"
        " --reprocess completed); if they then agree, readers have seen wrong figures: find out what changed the"
        " warehouse outside the pipeline."
    )
