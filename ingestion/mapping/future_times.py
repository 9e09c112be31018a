"""Corrects times of landed records that are in the future by our own clock.

Of two versions of a record the one changed last is used, so a version from 2099 would replace every correction. And a
version of a customer that begins in 2099 would be the current one for ever. Such a time counts as missing: the
record as changed when it was sold, the customer's version as beginning with the sale. The present time would do as
well, but then each landing of the same line would make another record of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    import pyarrow

_CHANGED = "changed_at > $latest AND changed_at <> sold_at"
_CUSTOMER_SINCE = "customer_since > $latest"
FUTURE_TIMES = f"({_CHANGED} OR {_CUSTOMER_SINCE})"
"""SQL over `landed_records`: whether a record has such a time."""


@dataclass(frozen=True)
class FutureTimes:
    """Records of which a time was corrected."""

    records: int = 0
    greatest: datetime | None = None
    """The latest of the times."""

    def __add__(self, other: FutureTimes) -> FutureTimes:
        greatest = [each.greatest for each in (self, other) if each.greatest is not None]
        return FutureTimes(self.records + other.records, max(greatest, default=None))


def corrected(records: str, latest: datetime | None) -> str:
    """SQL of the records of a query with the times after `latest` corrected; None: no time is too late.

    `future_time` is the greatest time of a record of which one was corrected.
    """
    if latest is None:
        return f"SELECT *, NULL::TIMESTAMPTZ AS future_time FROM ({records})"
    changed, since, either = (
        each.replace("$latest", f"TIMESTAMPTZ '{latest.isoformat()}'")
        for each in (_CHANGED, _CUSTOMER_SINCE, FUTURE_TIMES)
    )
    return (
        f"SELECT * REPLACE (CASE WHEN {changed} THEN sold_at ELSE changed_at END AS changed_at,"
        f" CASE WHEN NOT ({since}) THEN customer_since END AS customer_since),"
        f" CASE WHEN {either} THEN greatest(changed_at, customer_since) END AS future_time FROM ({records})"
    )


def future_times(lines: pyarrow.Table) -> FutureTimes:
    """What was corrected in lines with a `future_time`."""
    import pyarrow.compute

    found = lines.column("future_time")
    greatest = pyarrow.compute.max(found.cast("int64")).as_py()
    if greatest is None:
        return FutureTimes()
    return FutureTimes(len(found) - found.null_count, datetime.fromtimestamp(greatest / 1_000_000, UTC))


def correct_future_times(connection: duckdb.DuckDBPyConnection, latest: datetime | None) -> None:
    """Correct the times after `latest` in `landed_records`, a table; None: no time is too late."""
    if latest is None:
        return
    given = {"latest": latest}
    for assigned, where in (("changed_at = sold_at", _CHANGED), ("customer_since = NULL", _CUSTOMER_SINCE)):
        found = connection.execute(f"SELECT count(*) FROM landed_records WHERE {where}", given).fetchall()
        if found[0][0]:  # where there are none, the column may be virtual
            connection.execute(f"UPDATE landed_records SET {assigned} WHERE {where}", given)
