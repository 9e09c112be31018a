"""Parses the times and dates that sources send."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from ingestion.connectors.values.rejection import missing, reject, shown
from ingestion.models.reject_reasons import RejectReason
from shared.errors import RejectRecord

_DAY_FIRST = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_FIRST_MINUTE = re.compile(_DAY_FIRST.pattern + r" ([0-9]{2}):([0-9]{2})")


def invalid(field: str, value: object) -> RejectRecord:
    """The rejection of a time that cannot be read."""
    return missing(field) if value is None else reject(RejectReason.INVALID_DATE, f"{field} is {shown(value)}")


def iso_time(field: str, value: object) -> datetime:
    """`2024-01-15T14:03:22-05:00` or `…Z`, in its own offset. A time without one is rejected."""
    try:
        if isinstance(value, str) and "T" in value:
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is not None and 1 < parsed.year < 9999:  # so that it also exists in UTC
                return parsed
    except ValueError:
        pass
    raise invalid(field, value)


def epoch_time(field: str, value: object) -> datetime:
    """Seconds since 1970 (an integer), in UTC."""
    if type(value) is not int:
        raise invalid(field, value)
    try:
        found = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise invalid(field, value) from None
    if not 1 < found.year < 9999:  # so that it also exists in every zone
        raise invalid(field, value)
    return found


def wall_clock(field: str, value: object, zone: ZoneInfo) -> datetime:
    """`15/01/2024 14:03` as local time in `zone`, aware. A time that the clocks show twice is the first of the two.

    Raises RejectRecord with TIME_DOES_NOT_EXIST for a time that the clocks skipped.
    """
    shown_at = _minute(value, zone) if isinstance(value, str) else None
    if shown_at is None:
        raise invalid(field, value)
    local, exists = shown_at
    if not exists:
        raise reject(
            RejectReason.TIME_DOES_NOT_EXIST,
            f"{field} is {value}, which does not exist in {zone.key}: the clocks skipped it",
        )
    return local


def read_time(field: str, value: object, form: str, zone: ZoneInfo) -> datetime:
    """A time in one of the formats of a layout, aware. One without an offset is local time in `zone`.

    Raises RejectRecord. A time that the clocks show twice is the first of the two.
    """
    if form in ("epoch", "epoch_ms"):
        return _epoch(field, value, form)
    read = _parsed(value, form) if isinstance(value, str) else None
    if read is None:
        raise invalid(field, value)
    aware = read if read.tzinfo else read.replace(tzinfo=zone)
    if not 1 < aware.year < 9999:  # so that it also exists in every zone
        raise invalid(field, value)
    return aware


def read_date(field: str, value: object, form: str, zone: ZoneInfo) -> date:
    """The business date of a date or a time in one of the formats of a layout. Raises RejectRecord.

    It is the date in `zone`, or with `rfc3339` that of the text's own offset.
    """
    if form == "iso" and isinstance(value, str) and _ISO_DATE.fullmatch(value):
        read = _parsed(value, form)
        if read is None:
            raise invalid(field, value)
        return read.date()
    time = read_time(field, value, form, zone)
    return time.date() if form == "rfc3339" else time.astimezone(zone).date()


def _epoch(field: str, value: object, form: str) -> datetime:
    if form == "epoch" or type(value) is not int:
        return epoch_time(field, value)
    return epoch_time(field, value // 1000).replace(microsecond=value % 1000 * 1000)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        if form == "iso":
            return datetime.fromisoformat(text)
        if form == "rfc3339":
            return iso_time("", text)
        return datetime.strptime(text, form)  # noqa: DTZ007 - one without an offset is local time
    except (ValueError, RejectRecord):
        return None


@lru_cache(maxsize=4096)  # many sales of a day share their minute
def _minute(text: str, zone: ZoneInfo) -> tuple[datetime, bool] | None:
    """The time of a text, and whether it exists on the clocks; None if the text is not a time."""
    match = _DAY_FIRST_MINUTE.fullmatch(text)
    if match is None:
        return None
    day, month, year, hour, minute = map(int, match.groups())
    try:
        local = datetime(year, month, day, hour, minute, tzinfo=zone)
        back = local.astimezone(UTC).astimezone(zone)
    except (ValueError, OverflowError):
        return None
    return local, back.replace(tzinfo=None) == local.replace(tzinfo=None)


def day_first(field: str, value: object) -> date:
    """`15/01/2024`."""
    match = _DAY_FIRST.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise invalid(field, value)
    day, month, year = map(int, match.groups())
    try:
        return date(year, month, day)
    except ValueError:
        raise invalid(field, value) from None
