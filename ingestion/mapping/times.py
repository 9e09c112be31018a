"""Converts a column's times to UTC and business dates, over its distinct texts in `distinct_times` (text, rows)."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import duckdb

from ingestion.mapping.date_orders import AUTO, SERIAL_NUMBER, check_order, find_format
from ingestion.mapping.expressions import Fault, first_fault
from ingestion.mapping.layout_parts import Dates, FieldSource
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
MOVED_TIME = "MOVED_TIME"
_DAYS = "[0-9]{1,6}([.,][0-9]{1,12})?"
_BELOW_MICROSECONDS = "([.][0-9]{6})[0-9]+"
_CALENDAR = (-62_135_596_800, 253_402_300_799)
"""Seconds since 1970 of the first and the last second of the years 1 to 9999."""


def time_values(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    source: FieldSource,
    zone: ZoneInfo,
    dates: Dates,
    faults: list[Fault],
    *,
    is_exact: bool = False,
) -> None:
    """Create `table`: text, rows, is_empty, value (UTC), business_date, code, reason.

    The business date is that of the zone, or with `rfc3339` that of the text's own offset. The texts are in the
    source's own zone, if it has one. `is_exact`: texts are read without trimming, with two digits for each part, and
    one in another format is rejected alone. Otherwise raises DateOrderError when the column's dates are written in two
    orders, or could be.
    """
    form = source.format or "iso"
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
    own_zone = ZoneInfo(source.time_zone) if source.time_zone else None
    all_faults = [*faults, *_faults(form, own_zone or zone, dates, is_exact=is_exact)]
    located = _located(source, zone, own_zone, (first, last))
    connection.execute(
        f"CREATE OR REPLACE TABLE {table} AS WITH {located},"
        " read AS (SELECT text, rows, is_empty, value, local_time::DATE AS business_date, is_moved FROM located)"
        f" SELECT * EXCLUDE (is_moved), {first_fault(all_faults, 'code')} AS code,"
        f" {first_fault(all_faults, 'reason')} AS reason,"
        f" CASE WHEN is_moved THEN '{MOVED_TIME}' END AS flag, NULL::VARCHAR AS sign_currency FROM read"
    )


def _located(
    source: FieldSource, zone: ZoneInfo, own_zone: ZoneInfo | None, years: tuple[int | None, int | None]
) -> str:
    """CTEs over `read_times`. `located` has the time in UTC as `value`, and the local time of its business date."""
    moves = source.when_skipped == "move_forward"
    is_moved = "offset_seconds IS NULL AND local_at IS NOT NULL" if moves else "false"
    offset = "coalesce(offset_seconds, earlier_offset)" if moves else "offset_seconds"
    # A time of a zone of its own is known in UTC, and has the date of the other zone.
    of_date, local_time = ("utc_time", "NULL") if own_zone else ("utc_at", "local_at")
    return (
        f"zone_offsets AS ({_offsets(own_zone or zone, *years)}), date_offsets AS ({_offsets(zone, *years)}),"
        f" timed AS (SELECT *, {is_moved} AS is_moved, coalesce(utc_at, local_at - to_seconds({offset}))"
        " AS utc_time FROM read_times ASOF LEFT JOIN zone_offsets AS offsets ON local_at >= offsets.local_from),"
        f" located AS (SELECT text, rows, is_empty, is_moved, utc_time::TIMESTAMPTZ AS value,"
        f" coalesce({local_time}, {of_date} + to_seconds(known.offset_seconds), local_at) AS local_time"
        " FROM timed ASOF LEFT JOIN (SELECT utc_from, offset_seconds FROM date_offsets WHERE offset_seconds IS NOT"
        f" NULL) AS known ON {of_date} >= known.utc_from)"
    )


def _faults(form: str, zone: ZoneInfo, dates: Dates, *, is_exact: bool) -> list[Fault]:
    shape = {
        "iso": "2024-01-15 14:03:22",
        "rfc3339": "2024-01-15T14:03:22-05:00",
        "epoch": "seconds since 1970",
        "epoch_ms": "milliseconds since 1970",
        "excel": "the serial number that Excel has for a date",
    }
    # Nothing was sold on the first day of 1970, so such seconds are the number of a day.
    is_serial = f"regexp_full_match({cell(is_exact=is_exact)}, {literal(SERIAL_NUMBER)})"
    of_serials = "business_date IS NULL" if is_exact or not form.startswith("epoch") else "true"
    serials = Fault(
        f"{is_serial} AND {of_serials}",
        RejectReason.INVALID_DATE,
        "looks like the serial number that Excel has for a date: declare `format: excel`, or save it as a date",
    )
    return [
        *([serials] if form != "excel" else []),
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
    if form == "excel":
        days = f"CASE WHEN regexp_full_match(trimmed, {literal(_DAYS)}) THEN replace(trimmed, ',', '.')::DOUBLE END"
        return f"(TIMESTAMP '1899-12-30' + to_seconds(round({days} * 86400)::BIGINT))", "NULL::TIMESTAMP"
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
    earlier = [None, *(entry.offset_seconds for entry in intervals)]
    rows = ", ".join(
        f"(TIMESTAMP '{entry.local_from}', TIMESTAMP '{entry.utc_from}', {_integer(entry.offset_seconds)},"
        f" {_integer(before)})"
        for entry, before in zip(intervals, earlier, strict=False)
    )
    return f"SELECT * FROM (VALUES {rows}) AS v(local_from, utc_from, offset_seconds, earlier_offset)"


def _integer(number: int | None) -> str:
    return f"{'NULL' if number is None else number}::INTEGER"
