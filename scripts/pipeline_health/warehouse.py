"""PostgreSQL: does it answer, has it the schema, how much data, how fresh, what did the last runs come to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scripts.pipeline_health.configuration import warehouse_dsn
from scripts.pipeline_health.findings import Finding, Health, reported
from shared.config import RETAILER_IDS
from shared.database import Cursor, describe_dsn, session, transaction

AREA = "warehouse"
RUNS = "recent runs"
STAGES = ("ingest", "transform", "quality", "refresh")
STATEMENT_TIMEOUT = "5s"
HANGING_AFTER = timedelta(hours=4)


def check_warehouse(environ: Mapping[str, str], now: datetime) -> list[Finding]:
    """Connection, schema, data, freshness per retailer, the last run of every stage."""
    found: list[Finding] = []
    with reported(AREA, "PostgreSQL", found):
        dsn = warehouse_dsn(environ)
        with session(dsn, application_name="retail-health") as connection, transaction(connection) as cursor:
            cursor.execute("SET statement_timeout = %s", (STATEMENT_TIMEOUT,))
            cursor.execute("SELECT current_setting('server_version'), to_regclass('public.fact_sales') IS NOT NULL")
            version, has_schema = _one(cursor)
            found.append(Finding(AREA, "PostgreSQL", Health.OK, f"{version} answers for {describe_dsn(dsn)}"))
            if not has_schema:
                found.append(
                    Finding(AREA, "schema", Health.DOWN, "there are no tables", "Run: python -m shared.migrations")
                )
                return found
            with reported(AREA, "data", found):
                found.append(_data(cursor))
                yesterday = now.astimezone(ZoneInfo(environ.get("BUSINESS_TIMEZONE", "UTC"))).date() - timedelta(days=1)
                found.extend(_freshness(cursor, yesterday))
                found.append(_quality(cursor))
                found.extend(_runs(cursor, now))
    return found


def _data(cursor: Cursor) -> Finding:
    # The summary, not fact_sales: this has to be quick however long the history is.
    cursor.execute(
        "SELECT coalesce(sum(line_count), 0), count(DISTINCT date_key),"
        " to_date(max(date_key)::text, 'YYYYMMDD') FROM fact_daily_sales"
    )
    lines, dates, latest = _one(cursor)
    if not lines:
        remedy = "Run the pipeline: trigger retail_data_pipeline in Airflow, or python -m ingestion.main …"
        return Finding(AREA, "data", Health.ATTENTION, "no sales yet", remedy)
    return Finding(AREA, "data", Health.OK, f"{lines:,} lines on {dates:,} dates, the latest {latest}")


def _freshness(cursor: Cursor, yesterday: date) -> list[Finding]:
    cursor.execute("SELECT retailer_id, last_processed_date FROM ops.pipeline_metadata")
    latest: dict[str, date] = dict(cursor.fetchall())
    found = []
    for retailer_id in RETAILER_IDS:
        day = latest.get(retailer_id)
        remedy = (
            f"python -m ingestion.main --since-watermark --retailer {retailer_id}, then transform; or trigger the DAG"
        )
        if day is None:
            found.append(Finding(AREA, f"{retailer_id} data", Health.ATTENTION, "never published", remedy))
        elif day < yesterday:
            reason = f"published up to {day}, {(yesterday - day).days} days behind {yesterday}"
            found.append(Finding(AREA, f"{retailer_id} data", Health.ATTENTION, reason, remedy))
        else:
            found.append(Finding(AREA, f"{retailer_id} data", Health.OK, f"published up to {day}"))
    return found


def _quality(cursor: Cursor) -> Finding:
    cursor.execute(
        "SELECT business_date, verdict, score FROM ops.data_quality_scores WHERE dimension = 'overall'"
        " ORDER BY scored_at DESC LIMIT 1"
    )
    row = cursor.fetchone()
    if row is None:
        return Finding(AREA, "quality", Health.ATTENTION, "never checked", "Run: python -m data_quality.main DATE")
    day, verdict, score = row
    reason = f"{verdict} for {day}, score {score:.1f}"
    if verdict == "pass":
        return Finding(AREA, "quality", Health.OK, reason)
    return Finding(AREA, "quality", Health.ATTENTION, reason, f"See which: python -m data_quality.main {day}")


def _runs(cursor: Cursor, now: datetime) -> list[Finding]:
    cursor.execute(
        "SELECT DISTINCT ON (stage) stage, business_date, status, started_at, message FROM ops.pipeline_runs"
        " ORDER BY stage, pipeline_run_id DESC"
    )
    latest = {row[0]: row[1:] for row in cursor.fetchall()}
    return [_run(stage, latest[stage], now) for stage in STAGES if stage in latest]


def _run(stage: str, row: tuple[date, str, datetime, str | None], now: datetime) -> Finding:
    day, status, started_at, message = row
    reason = f"{status.replace('_', ' ')} for {day}, started {started_at:%Y-%m-%d %H:%M} UTC"
    if status == "succeeded" or (status == "running" and now - started_at < HANGING_AFTER):
        return Finding(RUNS, stage, Health.OK, reason)
    if status == "running":
        return Finding(RUNS, stage, Health.ATTENTION, reason, "It was probably killed: run the date again")
    return Finding(RUNS, stage, Health.ATTENTION, reason, " ".join((message or "See its log in Airflow").split())[:300])


def _one(cursor: Cursor) -> tuple[Any, ...]:
    return cursor.fetchone() or ()
