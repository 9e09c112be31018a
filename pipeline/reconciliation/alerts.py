"""Raises alerts for dates and views that do not reconcile, and resolves them once they do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from maintenance.open_alerts import OpenAlerts, resolve, resolve_task
from maintenance.task import TaskContext
from monitoring.alerts import Alert, raise_alert
from pipeline.reconciliation.model import Difference, Hop, Report, Slice, State
from shared.counts import counted

KIND = "reconciliation"
TASK = "reconcile"
"""Named by the alert of a source as a whole, which has no date: this is how it is found again when it is resolved."""
MOST_ALERTS = 5
"""How many dates of a source have an alert each. More of them have one problem, not many."""
_SHOWN = 20
Differences = Mapping[Slice, Sequence[Difference]]


def report_alerts(context: TaskContext, report: Report, open_now: OpenAlerts) -> int:
    """Raise an alert for each date that differs, or one for a source of which many do or all, or whose views differ.

    An alert whose difference is gone is resolved. Returns how many were resolved. Those of dates that are being loaded
    stay as they are.
    """
    found: Differences = {each.key: each.differences for each in report.differing}
    together = summarised(found, [each.key for each in report.dates])
    views = {each.retailer_id: each.differences for each in report.view_differences}
    for name in sorted({*together, *views}):
        days = {day: found[name, day] for day in together.get(name, ())}
        raise_alert(context.dsn, _of_source(context, name, days, views.get(name, ())), clock=context.clock)
    for (name, day), differences in sorted(found.items()):
        if name not in together:
            raise_alert(context.dsn, _of_date(name, day, differences, context.run_id), clock=context.clock)
    unclear = {each.key for each in report.dates if each.state is State.BEING_LOADED}
    gone = sorted(open_now.dates - found.keys() - unclear)
    sources = sorted(open_now.sources - together.keys() - views.keys() - {name for name, _ in unclear})
    resolved = sum(resolve(context, KIND, *each) for each in gone)
    return resolved + sum(resolve_task(context, KIND, name, TASK) for name in sources)


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


def _of_date(retailer_id: str, day: date, differences: Sequence[Difference], run_id: str) -> Alert:
    remedies = dict.fromkeys(each.what_to_do for each in differences)
    return Alert(
        KIND,
        "critical",
        f"{retailer_id} {day} does not reconcile: {_in_words(differences[0])}",
        "\n".join([*map(_in_words, differences), *remedies]),
        business_date=day,
        retailer_id=retailer_id,
        run_id=run_id,
    )


def _in_words(difference: Difference) -> str:
    return f"it arises in {difference.hop}: {difference}"


def _of_source(
    context: TaskContext, retailer_id: str, found: Mapping[date, Sequence[Difference]], views: Sequence[Difference]
) -> Alert:
    """The alert has no date, so the next one with other dates has the same cause."""
    lines = [f"{day}: {'; '.join(map(_in_words, each))}" for day, each in sorted(found.items())[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"And {len(found) - _SHOWN} more dates.")
    lines += map(_in_words, views)
    if found:
        lines.append(_what_to_do(context, found))
    lines += dict.fromkeys(each.what_to_do for each in views)
    summary = f"{retailer_id}: its views do not follow from the summaries"
    if found:
        summary = f"{retailer_id}: {counted(len(found), 'date')} of {min(found)} to {max(found)} do not reconcile"
    return Alert(
        KIND,
        "critical",
        summary,
        "\n".join(lines),
        retailer_id=retailer_id,
        run_id=context.run_id,
        task_id=TASK,
    )


def _what_to_do(context: TaskContext, found: Mapping[date, Sequence[Difference]]) -> str:
    if all(any(each.is_missing and each.hop is Hop.RAW for each in differences) for differences in found.values()):
        s3 = context.settings.s3
        return (
            f"The bucket {s3.bucket_raw} ({s3.place}) has no manifest of these dates. Check S3_BUCKET_RAW and"
            " S3_ENDPOINT_URL: retail config check. If they are right, the objects were deleted: restore them, or land"
            f" the dates again (retail schedule backfill {min(found)} {max(found)} --reprocess completed)."
        )
    return (
        "So many dates together often have one cause, such as the wrong bucket or database in the settings. See: retail"
        f" config check. If they are right, load the dates again (retail rebuild --from {min(found)} --to {max(found)}"
        " --repair). Find out what changed the stores outside the pipeline: readers may have seen wrong figures."
    )
