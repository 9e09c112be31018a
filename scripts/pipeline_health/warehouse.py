"""PostgreSQL: connection, schema, amount of data, freshness and quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.configuration import warehouse_dsn
from scripts.pipeline_health.findings import MISSING, Finding, Health, reported
from scripts.pipeline_health.runs import check_runs
from shared.database import Cursor, describe_dsn, session, transaction
from shared.errors import FixConfiguration, RetailError

AREA = "warehouse"
STATEMENT_TIMEOUT = "5s"


def check_warehouse(environ: Mapping[str, str], now: datetime, advice: Advice) -> list[Finding]:
    """Connection, schema, data, freshness per scheduled source, dead letters, quality, then the stages' runs."""
    found: list[Finding] = []

    def remedy_for(error: RetailError) -> str:
        if str(error).startswith(MISSING):
            return advice.settings()
        if isinstance(error, FixConfiguration):  # the database does not exist
            return f"{advice.create('warehouse-init')}, or correct POSTGRES_DB"
        return f"{advice.start('postgres')}, or correct WAREHOUSE_DSN (POSTGRES_HOST, POSTGRES_PORT)"

    with reported(AREA, "PostgreSQL", found, remedy_for):
        dsn = warehouse_dsn(environ)
        with session(dsn, application_name="retail-health") as connection, transaction(connection) as cursor:
            cursor.execute("SET statement_timeout = %s", (STATEMENT_TIMEOUT,))
            cursor.execute("SELECT current_setting('server_version'), to_regclass('public.fact_sales') IS NOT NULL")
            version, has_schema = _one(cursor)
            found.append(Finding(AREA, "PostgreSQL", Health.OK, f"{version} responds for {describe_dsn(dsn)}"))
            if not has_schema:
                found.append(Finding(AREA, "schema", Health.DOWN, "it has no tables", advice.migrate()))
                return found
            with reported(AREA, "data", found):
                yesterday = now.astimezone(ZoneInfo(environ.get("BUSINESS_TIMEZONE", "UTC"))).date() - timedelta(days=1)
                found.append(_data(cursor, yesterday, advice))
                found.extend(_freshness(cursor, yesterday, advice))
                found.append(_dead_letters(cursor))
                found.append(_quality(cursor, advice))
                found.extend(check_runs(cursor, now, advice))
    return found


def _data(cursor: Cursor, yesterday: date, advice: Advice) -> Finding:
    # The summary, not fact_sales: this has to be quick however long the history is.
    cursor.execute(
        "SELECT coalesce(sum(line_count), 0), count(DISTINCT date_key), to_date(max(date_key)::text, 'YYYYMMDD'),"
        " coalesce(sum(line_count) FILTER (WHERE date_key = (SELECT max(date_key) FROM fact_daily_sales)), 0)"
        " FROM fact_daily_sales"
    )
    lines, dates, latest, of_latest = _one(cursor)
    if not lines:
        remedy = f"Trigger retail_data_pipeline in Airflow, or run: {advice.run_stage('ingest', str(yesterday))}"
        return Finding(AREA, "data", Health.ATTENTION, "no sales yet", remedy)
    reason = f"{lines:,} lines on {dates:,} {'date' if dates == 1 else 'dates'}, the latest {latest} with {of_latest:,}"
    return Finding(AREA, "data", Health.OK, reason)


def _freshness(cursor: Cursor, yesterday: date, advice: Advice) -> Iterator[Finding]:
    cursor.execute(
        "SELECT source.retailer_id, metadata.last_processed_date, coalesce(sum(sales.line_count), 0)"
        " FROM ops.sources AS source"
        " LEFT JOIN ops.pipeline_metadata AS metadata ON metadata.retailer_id = source.retailer_id"
        " LEFT JOIN dim_retailer AS retailer ON retailer.retailer_id = source.retailer_id"
        " LEFT JOIN fact_daily_sales AS sales ON sales.retailer_key = retailer.retailer_key"
        "  AND sales.date_key = to_char(metadata.last_processed_date, 'YYYYMMDD')::integer"
        " WHERE source.is_scheduled AND coalesce(source.start_date <= %s, true)"
        " GROUP BY source.retailer_id, metadata.last_processed_date ORDER BY source.retailer_id",
        (yesterday,),
    )
    for retailer_id, day, lines in cursor.fetchall():
        catch_up = advice.run_stage("ingest", f"--since-watermark --retailer {retailer_id}")
        remedy = f"Trigger the DAG, or run: {catch_up}; then {advice.run_stage('transform', '')}"
        item = f"{retailer_id} data"
        if day is None:
            yield Finding(AREA, item, Health.ATTENTION, "never published", remedy)
        elif day < yesterday:
            behind = (yesterday - day).days
            reason = f"published up to {day}, {behind} {'day' if behind == 1 else 'days'} behind {yesterday}"
            yield Finding(AREA, item, Health.ATTENTION, reason, remedy)
        else:
            yield Finding(AREA, item, Health.OK, f"published up to {day}, {lines:,} lines of that date")


def _dead_letters(cursor: Cursor) -> Finding:
    cursor.execute(
        "SELECT count(*), count(*) FILTER (WHERE business_date = (SELECT max(business_date) FROM ops.dead_letters)),"
        " max(business_date) FROM ops.dead_letters WHERE status = 'open'"
    )
    waiting, of_latest, latest = _one(cursor)
    if not waiting:
        return Finding(AREA, "dead letters", Health.OK, "none open")
    # A few are normal; too many stop the load, which the runs below show.
    reason = f"{waiting:,} open, {of_latest:,} of {latest}; to see them: retail dead-letters list"
    return Finding(AREA, "dead letters", Health.OK, reason)


def _quality(cursor: Cursor, advice: Advice) -> Finding:
    cursor.execute(
        "SELECT business_date, outcome, score FROM ops.data_quality_scores WHERE dimension = 'overall'"
        " ORDER BY scored_at DESC LIMIT 1"
    )
    row = cursor.fetchone()
    if row is None:
        remedy = f"Run: {advice.run_stage('quality', 'DATE')}"
        return Finding(AREA, "quality", Health.ATTENTION, "never checked", remedy)
    day, outcome, score = row
    reason = f"{outcome} for {day}, score {score:.1f}"
    if outcome == "pass":
        return Finding(AREA, "quality", Health.OK, reason)
    return Finding(AREA, "quality", Health.ATTENTION, reason, f"See which: {advice.run_stage('quality', str(day))}")


def _one(cursor: Cursor) -> tuple[Any, ...]:
    return cursor.fetchone() or ()
