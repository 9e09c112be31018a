"""Reads what a server wrote in a header, and checks what we write in one. A server can send anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_NATURAL_NUMBER = re.compile("[0-9]{1,18}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?|")
"""RFC 9110, 5.5."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")


def natural_number(text: str | None) -> int | None:
    """The number that a header consists of, in ASCII digits; None if it is anything else."""
    found = _NATURAL_NUMBER.fullmatch((text or "").strip(" \t"))
    return int(found[0]) if found else None


def http_date(text: str | None) -> datetime | None:
    """The time of a header such as Date, UTC; None if it is not a time, or one that no calendar has."""
    try:
        found = parsedate_to_datetime(text or "")
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, which is a number of seconds or a time; None if it is neither."""
    seconds = natural_number(value)
    if seconds is not None:
        return float(seconds)
    until = http_date(value)
    return None if until is None else max(0.0, (until - now).total_seconds())


def is_token(text: str) -> bool:
    """Whether a server's access token can be sent back in a header: printable ASCII without spaces."""
    return bool(_TOKEN.fullmatch(text))


def unsendable_header(headers: Mapping[str, str | bytes]) -> str | None:
    """The name of a header that cannot be sent as it is, for example one with a line end; None if all can."""
    for name, given in headers.items():
        value = given.decode("latin-1") if isinstance(given, bytes) else given
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            return name
    return None
