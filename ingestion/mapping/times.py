"""Converts a column's times to UTC and business dates, over its distinct texts in `distinct_times` (text, rows)."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import duckdb

from ingestion.mapping.date_orders import AUTO, check_order, find_format
from ingestion.mapping.expressions import Fault, first_fault
from ingestion.mapping.layout_parts import Dates
from ingestion.mapping.sql_text import cell, literal
from ingestion.mapping.zones import local_intervals
from ingestion.models.reject_reasons import RejectReason
from shared.business_dates import FIRST_DATE, LAST_DATE

_ISO = "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?"
_ISO_WITH_OFFSET = _ISO + "(Z|[+-][0-9]{2}:?([0-9]{2})?)"
HOUR_AND_MINUTE = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_RFC_3339 = (
    f"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{HOUR_AND_MINUTE}(?::[0-5][0-9](?:[.][0-9]+)?)?)(Z|[+-]{HOUR_AND_MINUTE})"
)
_BELOW_MICROSECONDS = "([.][0-9]{6})[0-9]+"
_CALENDAR = (-62_135_596_800, 253_402_300_799)
"""Seconds since 1970 of the first and the last second of the years 1 to 9999."""


def time_values(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    form: str,
    zone: ZoneInfo,
    dates: Dates,
    faults: list[Fault],
    *,
    is_exact: bool = False,
) -> None:
    """Create `table`: text, rows, is_empty, value (UTC), business_date, code, reason.

    The business date is that of the zone, or with `rfc3339` that of the text's own offset. `is_exact`: texts are read
    without trimming, with two digits for each part, and one in another format is rejected alone. Otherwise raises
    DateOrderError when the column's dates are written in two orders, or could be.
    """
    if form == AUTO:
        form = find_format(connection)
    local_at, utc_at = _read(form)
    if is_exact and "%" in form:
        local_at = f"CASE WHEN regexp_full_match(trimmed, {literal(exact_pattern(form))}) THEN {local_at} END"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE read_times AS SELECT text, rows, is_empty,"
        f" CASE WHEN NOT is_empty THEN {local_at} END AS local_at, CASE WHEN NOT is_empty THEN {utc_at} END AS utc_at"
        f" FROM (SELECT text, rows, {cell(is_exact=is_exact)} AS trimmed, trimmed = '' AS is_empty FROM distinct_times)"
    )
    unread, first, last = connection.execute(
        "SELECT count(*) FILTER (WHERE NOT is_empty AND local_at IS NULL AND utc_at IS NULL),"
        " min(year(coalesce(local_at, utc_at))), max(year(coalesce(local_at, utc_at))) FROM read_times"
    ).fetchall()[0]
    if unread and not is_exact:
        check_order(connection, form)
    connection.execute(
        f"CREATE OR REPLACE TABLE {table} AS WITH zone_offsets AS ({_offsets(zone, first, last)}), located AS ("
        " SELECT text, rows, is_empty, coalesce(local_at, utc_at + to_seconds(known.offset_seconds)) AS local_time,"
        " coalesce(utc_at, local_at - to_seconds(offsets.offset_seconds))::TIMESTAMPTZ AS value"
        " FROM read_times ASOF LEFT JOIN zone_offsets AS offsets ON local_at >= offsets.local_from"
        " ASOF LEFT JOIN (SELECT * FROM zone_offsets WHERE offset_seconds IS NOT NULL) AS known"
        " ON utc_at >= known.utc_from),"
        " read AS (SELECT text, rows, is_empty, value, local_time::DATE AS business_date FROM located)"
        f" SELECT *, {first_fault([*faults, *_faults(form, zone, dates)], 'code')} AS code,"
        f" {first_fault([*faults, *_faults(form, zone, dates)], 'reason')} AS reason,"
        " NULL::VARCHAR AS flag, NULL::VARCHAR AS sign_currency FROM read"
    )


def _faults(form: str, zone: ZoneInfo, dates: Dates) -> list[Fault]:
    shape = {
        "iso": "2024-01-15 14:03:22",
        "rfc3339": "2024-01-15T14:03:22-05:00",
        "epoch": "seconds since 1970",
        "epoch_ms": "milliseconds since 1970",
    }
    return [
        Fault(
            "NOT is_empty AND business_date IS NULL",
            RejectReason.INVALID_DATE,
            f"not a time of the form {shape.get(form, form)}",
        ),
        Fault(
            f"business_date NOT BETWEEN DATE '{dates.first}' AND DATE '{dates.last}'",
            RejectReason.OUT_OF_RANGE,
            f"not between {dates.first} and {dates.last}",
        ),
        # The business date is in the time zone of the source, or in the text's own.
        Fault(
            f"value < TIMESTAMPTZ '{FIRST_DATE} 00:00:00+00' OR value > TIMESTAMPTZ '{LAST_DATE} 23:59:59.999999+00'",
            RejectReason.OUT_OF_RANGE,
            f"not between {FIRST_DATE} and {LAST_DATE} in UTC",
        ),
        Fault(
            "NOT is_empty AND value IS NULL",
            RejectReason.TIME_DOES_NOT_EXIST,
            f"this time does not exist in {zone.key}: the clocks skipped it",
        ),
    ]


def _read(form: str) -> tuple[str, str]:
    """SQL over `trimmed`: the local time, and the UTC time if the text has an offset (both TIMESTAMP)."""
    if form == "iso":
        local_at = f"CASE WHEN regexp_full_match(trimmed, {literal(_ISO)}) THEN TRY_CAST(trimmed AS TIMESTAMP) END"
        with_offset = f"regexp_full_match(trimmed, {literal(_ISO_WITH_OFFSET)})"
        utc_at = f"CASE WHEN {with_offset} THEN TRY_CAST(trimmed AS TIMESTAMPTZ) END"
        return local_at, f"({utc_at} AT TIME ZONE 'UTC')"
    if form == "rfc3339":
        time = f"regexp_replace(trimmed, '{_BELOW_MICROSECONDS}', '\\1')"
        is_read = f"regexp_full_match(trimmed, {literal(_RFC_3339)}) AND left(trimmed, 4) BETWEEN '0002' AND '9998'"
        local_at = f"TRY_CAST(regexp_extract({time}, {literal(_RFC_3339)}, 1) AS TIMESTAMP)"
        utc_at = f"(CASE WHEN {is_read} THEN TRY_CAST({time} AS TIMESTAMPTZ) END AT TIME ZONE 'UTC')"
        return f"CASE WHEN {is_read} THEN {local_at} END", utc_at
    if form in ("epoch", "epoch_ms"):
        factor = 1_000_000 if form == "epoch" else 1_000
        digits = 12 if form == "epoch" else 15
        number = f"CASE WHEN regexp_full_match(trimmed, '-?[0-9]{{1,{digits}}}') THEN trimmed::BIGINT END"
        first, last = (seconds * 1_000_000 // factor for seconds in _CALENDAR)
        number = f"CASE WHEN {number} BETWEEN {first} AND {last} THEN {number} END"
        return "NULL::TIMESTAMP", f"make_timestamp({number} * {factor})"
    if "%z" in form:
        return "NULL::TIMESTAMP", f"(try_strptime(trimmed, {literal(form)}) AT TIME ZONE 'UTC')"
    return f"try_strptime(trimmed, {literal(form)})", "NULL::TIMESTAMP"


def exact_pattern(form: str) -> str:
    """A regular expression for texts of a strptime format in which every part has all of its digits."""
    widths = {"Y": 4, "f": 6}
    pattern = re.sub(r"%([YmdHIMSyf])", lambda part: f"[0-9]{{{widths.get(part[1], 2)}}}", re.escape(form))
    return re.sub(r"%[a-zA-Z]", ".+", pattern)


def _offsets(zone: ZoneInfo, first_year: int | None, last_year: int | None) -> str:
    """SQL of the zone's offsets in these years."""
    first, last = first_year or 2000, last_year or 2000
    intervals = local_intervals(zone, min(max(first, 1900), 2200), max(min(last, 2200), 1900))
    rows = ", ".join(
        f"(TIMESTAMP '{entry.local_from}', TIMESTAMP '{entry.utc_from}',"
        f" {'NULL' if entry.offset_seconds is None else entry.offset_seconds}::INTEGER)"
        for entry in intervals
    )
    return f"SELECT * FROM (VALUES {rows}) AS v(local_from, utc_from, offset_seconds)"
