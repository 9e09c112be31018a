"""Times of a column to UTC and to business dates, over its distinct texts in `distinct_times`."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb

from ingestion.files.expressions import Fault, first_fault
from ingestion.files.layouts import Dates
from ingestion.files.sql_text import literal, trimmed
from ingestion.files.zones import local_intervals
from ingestion.models.reject_reasons import RejectReason


def time_values(
    connection: duckdb.DuckDBPyConnection, table: str, form: str, zone: ZoneInfo, dates: Dates, faults: list[Fault]
) -> None:
    """Create `table`: text, rows, is_empty, value (UTC), business_date (of the zone), code, reason."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE local_times AS"
        f" SELECT text, rows, {trimmed('text')} = '' AS is_empty, {local_time(form)} AS local_at FROM distinct_times"
    )
    _create_offsets(connection, zone)
    faults = [
        *faults,
        Fault("NOT is_empty AND local_at IS NULL", RejectReason.INVALID_DATE, f"no time of the form {form}"),
        Fault(
            f"business_date < DATE '{dates.first}' OR business_date > DATE '{dates.last}'",
            RejectReason.OUT_OF_RANGE,
            f"not between {dates.first} and {dates.last}",
        ),
        Fault(
            "NOT is_empty AND value IS NULL",
            RejectReason.TIME_DOES_NOT_EXIST,
            f"the clocks in {zone.key} skipped this time",
        ),
    ]
    connection.execute(
        f"CREATE OR REPLACE TABLE {table} AS WITH read AS ("
        " SELECT text, rows, is_empty, local_at, local_at::DATE AS business_date,"
        " (local_at - to_seconds(offset_seconds))::TIMESTAMPTZ AS value"
        " FROM local_times ASOF LEFT JOIN zone_offsets ON local_at >= local_from)"
        f" SELECT text, rows, is_empty, value, business_date, {first_fault(faults, 'code')} AS code,"
        f" {first_fault(faults, 'reason')} AS reason FROM read"
    )


def local_time(form: str) -> str:
    """`text` as a local time, NULL where it is none."""
    return f"try_strptime({trimmed('text')}, {literal(form)})"


def _create_offsets(connection: duckdb.DuckDBPyConnection, zone: ZoneInfo) -> None:
    found = connection.execute("SELECT min(year(local_at)), max(year(local_at)) FROM local_times").fetchone()
    first, last = found if found and found[0] is not None else (2000, 2000)
    intervals = local_intervals(zone, max(int(first), 1900), min(int(last), 2200))
    rows = ", ".join(f"(TIMESTAMP '{_floor(at)}', {'NULL' if offset is None else offset})" for at, offset in intervals)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE zone_offsets AS SELECT * FROM (VALUES {rows}) AS v(local_from, offset_seconds)"
    )


def _floor(at: datetime) -> str:
    return at.isoformat(sep=" ") if at.year > 1 else "0001-01-01 00:00:00"
