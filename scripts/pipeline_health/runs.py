"""The latest run of each stage, and runs that never ended, from `ops.pipeline_runs`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from pipeline.stages import STAGES
from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.findings import Finding, Health, format_span, split_remedy
from shared.database import Cursor

AREA = "recent runs"
HANGING_AFTER = timedelta(hours=4)


def check_runs(cursor: Cursor, now: datetime, advice: Advice) -> Iterator[Finding]:
    """The latest run of every stage; then runs that stopped without an end and were not repeated."""
    cursor.execute(
        "SELECT DISTINCT ON (stage) stage, business_date, status, started_at, message FROM ops.pipeline_runs"
        " ORDER BY stage, pipeline_run_id DESC"
    )
    latest = {row[0]: row[1:] for row in cursor.fetchall()}
    for stage in STAGES:
        if stage.name in latest:
            yield _last(stage.name, latest[stage.name], now, advice)
    yield from _stuck(cursor, now, advice)


def _last(stage: str, row: tuple[date, str, datetime, str | None], now: datetime, advice: Advice) -> Finding:
    day, status, started_at, message = row
    reason = f"{status.replace('_', ' ')} for {day}, started {started_at:%Y-%m-%d %H:%M} UTC"
    if status == "succeeded" or (status == "running" and now - started_at < HANGING_AFTER):
        return Finding(AREA, stage, Health.OK, reason)
    if status == "running":
        remedy = f"It was probably killed: {advice.run_stage(stage, str(day))}"
        return Finding(AREA, stage, Health.ATTENTION, reason, remedy)
    happened, remedy = split_remedy(" ".join((message or "no reason was kept. See its log in Airflow").split())[:300])
    return Finding(AREA, stage, Health.ATTENTION, f"{reason}: {happened}", remedy or "See its log in Airflow")


def _stuck(cursor: Cursor, now: datetime, advice: Advice) -> Iterator[Finding]:
    cursor.execute(
        "SELECT stage, business_date, min(started_at) FROM ops.pipeline_runs AS stuck"
        " WHERE status = 'running' AND started_at < %(before)s AND NOT EXISTS ("
        "  SELECT 1 FROM ops.pipeline_runs AS later WHERE later.stage = stuck.stage AND later.status <> 'failed'"
        "  AND later.business_date = stuck.business_date AND later.pipeline_run_id > stuck.pipeline_run_id)"
        " AND EXISTS (SELECT 1 FROM ops.pipeline_runs AS newer WHERE newer.stage = stuck.stage"
        "  AND newer.pipeline_run_id > stuck.pipeline_run_id)"  # the last one of a stage has its line above
        " GROUP BY stage, business_date ORDER BY min(started_at) DESC LIMIT 5",
        {"before": now - HANGING_AFTER},
    )
    for stage, day, started_at in cursor.fetchall():
        reason = f"{stage} of {day} began {format_span((now - started_at).total_seconds())} ago and never ended"
        remedy = f"Run it again: {advice.run_stage(stage, str(day))}"
        yield Finding(AREA, "stuck runs", Health.ATTENTION, reason, remedy)
