"""Corrects times of landed records that are in the future by our own clock.

Of two versions of a record the one changed last is used, so a version from 2099 would replace every correction. And a
version of a customer that begins in 2099 would be the current one for ever. Such a time counts as missing: the
record as changed when it was sold, the customer's version as beginning with the sale. The present time would do as
well, but then each landing of the same line would make another record of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

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


def correct_future_times(connection: duckdb.DuckDBPyConnection, latest: datetime | None) -> FutureTimes:
    """Correct the times after `latest` in `landed_records`; None: no time is too late."""
    if latest is None:
        return FutureTimes()
    given = {"latest": latest}
    [(records, greatest)] = connection.execute(
        "SELECT count(*), epoch_us(max(greatest(changed_at, customer_since))) FROM landed_records"
        f" WHERE {FUTURE_TIMES}",
        given,
    ).fetchall()
    if not records:
        return FutureTimes()
    for assigned, where in (("changed_at = sold_at", _CHANGED), ("customer_since = NULL", _CUSTOMER_SINCE)):
        found = connection.execute(f"SELECT count(*) FROM landed_records WHERE {where}", given).fetchall()
        if found[0][0]:  # where there are none, the column may be virtual
            connection.execute(f"UPDATE landed_records SET {assigned} WHERE {where}", given)
    return FutureTimes(records, datetime.fromtimestamp(greatest / 1_000_000, latest.tzinfo))
