"""Sources that are hostile in what they say about time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.fakes.retailer_responses import Retailer3Api
from tests.hostile.modes import (
    Api,
    Lands,
    Mode,
    Respond,
    maps,
    set_field,
    source,
    spoilt_pages,
)
from tests.hostile.transport import with_headers

FUTURE = datetime(2099, 1, 1, tzinfo=UTC)
LAST, FIRST = datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)
TIMES = {"the year 9999": LAST, "the year 1": FIRST, "the year 1800": datetime(1800, 1, 1, tzinfo=UTC)}
NO_TIMES = ("", "soon", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", 10**18, -(10**18))
DATES = (
    *("", "soon", "Fri, 31 Dec 9999 23:59:59 -1400", "Mon, 01 Jan 0001 00:00:00 +1400"),
    *("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2099 00:00:00 GMT", "Fri, 32 Jan 2024 25:61:61 GMT"),
)


def sends_time(api: Api) -> bool:
    """Whether its pages say as of which time they are correct."""
    return api.sends_time


def time_of(name: str, time: datetime, rows: int) -> Callable[[Api], Respond]:
    """Pages whose first rows have this time."""

    def change(api: Api, given: list[Any]) -> list[Any]:
        for row in given[:rows]:
            set_field(api, row, name, api().time(time))
        return given

    return spoilt_pages(change)


MODES = (
    Mode("pages as of 2099", source(as_of=FUTURE), Lands(warning="2099-01-01"), sends_time, since_watermark=True),
    *(
        Mode(f"pages as of {time!r}", source(as_of=time), Lands(), sends_time, since_watermark=True)
        for time in NO_TIMES
    ),
    Mode(
        "pages as of a wall clock in 9999",
        source(as_of="31/12/9999 23:59"),
        lambda api: Lands(warning="9999-12-31" if api is Retailer3Api else ""),
        sends_time,
        since_watermark=True,
    ),
    *(
        Mode(f"Date: {date}", with_headers(b"Date: " + date.encode(), as_of=None), Lands(), since_watermark=True)
        for date in DATES
    ),
    Mode(
        "changes in 2099",
        time_of("changed_at", FUTURE, 3),
        Lands(warning="2099-01-01"),
        maps("changed_at"),
        since_watermark=True,
    ),
    *(
        Mode(f"{name}: {year}", time_of(name, time, 1), Lands(2, ("*",)), maps(name), since_watermark=True)
        for name in ("changed_at", "customer_since", "sold_at")
        for year, time in TIMES.items()
    ),
)
