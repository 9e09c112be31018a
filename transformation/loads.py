"""The result of a retailer's load, for its caller, and what is done after a load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg2

from shared.database import session, transaction
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun
from shared.logs import get_logger
from transformation.load.ledger import LedgerEntry
from transformation.load.plan import LoadPlan
from transformation.load.result import LoadResult

log = get_logger(__name__)


@dataclass(frozen=True)
class RetailerLoad:
    """What happened to one retailer's partitions."""

    retailer_id: str
    load_id: int | None = None
    entries: tuple[LedgerEntry, ...] = ()
    plan: LoadPlan | None = None
    """How each date was loaded: left alone, merged, or built with its month."""
    error: str | None = None
    error_kind: str | None = None
    """`RetryLater`, `StopRun` or `FixConfiguration`: whether trying again can help."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "retailer_id": self.retailer_id,
            "status": "failed" if self.error else "published",
            "load_id": self.load_id,
            "partitions": [entry.as_dict() for entry in self.entries],
            "built_months": [f"{month.first_day:%Y-%m}" for month in self.plan.months] if self.plan else [],
            "error": self.error,
            "error_kind": self.error_kind,
        }


def published_load(retailer_id: str, result: LoadResult) -> RetailerLoad:
    """The result of a load that was committed."""
    return RetailerLoad(retailer_id, result.load_id, result.entries, result.plan)


def failed_load(retailer_id: str, error: RetailError) -> RetailerLoad:
    """The result of a load of which nothing was published."""
    kinds = (RetryLater, FixConfiguration)
    kind = next((each.__name__ for each in kinds if isinstance(error, each)), StopRun.__name__)
    return RetailerLoad(retailer_id, error=str(error), error_kind=kind)


def refresh_statistics(dsn: str) -> None:
    """Refresh the statistics, so that the next queries are planned with the new rows. Never raises."""
    try:
        with session(dsn, application_name="retail-transform") as connection, transaction(connection) as cursor:
            cursor.execute("SELECT ops.refresh_statistics()")
    except (RetailError, psycopg2.Error) as error:  # the data is published; autovacuum does it later
        log.warning("statistics not refreshed", error=str(error))
