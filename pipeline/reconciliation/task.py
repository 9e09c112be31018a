"""The reconciliation as a maintenance task: the latest dates, with alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from maintenance.open_alerts import open_alerts
from maintenance.task import TaskContext, TaskResult
from pipeline.reconciliation.alerts import KIND, report_alerts
from pipeline.reconciliation.model import DAYS, Difference, Report
from pipeline.reconciliation.reconcile import reconcile
from shared.config import Settings
from shared.counts import counted

_SHOWN = 20


def reconcile_recent(context: TaskContext, *, days: int = DAYS) -> TaskResult:
    """Compare the latest `days` business dates; each source and date that differs gets a critical alert.

    Many dates of a source have one alert together. An alert whose difference is gone is resolved.
    """
    first, last = context.yesterday - timedelta(days=days - 1), context.yesterday
    with context.warehouse() as connection:
        open_now = open_alerts(connection, KIND).within(first, last)
    report = reconcile(context.settings, first, last, clock=context.clock)
    resolved = report_alerts(context, report, open_now)
    facts = {
        "first_date": first.isoformat(),
        "last_date": last.isoformat(),
        "compared": len(report.dates),
        "resolved": resolved,
        "differences": [
            {
                "retailer_id": each.retailer_id,
                "business_date": each.business_date.isoformat(),
                "differences": [one.as_dict() for one in each.differences],
            }
            for each in report.differing
        ],
        "views": [each.as_dict() for each in report.view_differences],
    }
    return TaskResult(report.summary, facts, _problem(report))


def run(day: date, *, settings: Settings, run_id: str) -> TaskResult:
    """Do it as the DAG does; `day` is the last complete business date. Raises StopRun when something differs."""
    return reconcile_recent(TaskContext(settings, run_id, day)).raise_on_problem()


def _problem(report: Report) -> str | None:
    if report.ok:
        return None
    lines = [f"{each.retailer_id} {each.business_date} {_in_words(each.differences)}" for each in report.differing]
    lines += [f"{each.retailer_id} {_in_words(each.differences)}" for each in report.view_differences]
    more = f" And {len(lines) - _SHOWN} more." if len(lines) > _SHOWN else ""
    number = len(report.differing)
    what = f"{counted(number, 'partition')} {'does' if number == 1 else 'do'} not reconcile. " if number else ""
    return f"{what}{'. '.join(lines[:_SHOWN])}.{more} See: retail alerts list"


def _in_words(differences: Sequence[Difference]) -> str:
    return "differs in " + "; ".join(f"{each.hop}: {each}" for each in differences)
