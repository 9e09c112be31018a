"""Which names are time zones, everywhere: for Python, DuckDB and PostgreSQL."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OTHER_FILES = re.compile(r"(posix|right)/.*|localtime|posixrules|Factory")
"""Systems keep them next to the IANA zones, so Python finds them. PostgreSQL does not know them: one such source would
make the checks of all sources fail. `localtime` is also another zone on another machine."""


def is_time_zone(name: str) -> bool:
    """Whether it is the name of an IANA time zone, in its own spelling."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return not _OTHER_FILES.fullmatch(name)
