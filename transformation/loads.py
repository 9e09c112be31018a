"""The result of a retailer's load, for its caller, and what is done after a load."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg2

from shared.database import session, transaction
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun
from shared.logs import get_logger
from shared.publication_gate import HeldDate
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
    held: tuple[HeldDate, ...] = ()
    """Dates that stay landed and are not published, because they fail a critical check."""
    is_held: bool = False
    """Whether one of them is what the load was for, or has been found by it."""
    error: str | None = None
    error_kind: str | None = None
    """`RetryLater`, `StopRun` or `FixConfiguration`: whether trying again can help."""

    @property
    def held_reason(self) -> str | None:
        """What is held and why, in one line."""
        if not self.held:
            return None
        return f"landed and not published: {'; '.join(map(str, self.held))}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "retailer_id": self.retailer_id,
            "status": "failed" if self.error else "held" if self.is_held else "published",
            "held": [each.as_dict() for each in self.held],
            "held_reason": self.held_reason,
            "load_id": self.load_id,
            "partitions": [entry.as_dict() for entry in self.entries],
            "built_months": [f"{month.first_day:%Y-%m}" for month in self.plan.months] if self.plan else [],
            "error": self.error,
            "error_kind": self.error_kind,
        }


def published_load(retailer_id: str, result: LoadResult, requested: Collection[date] | None = None) -> RetailerLoad:
    """The result of a load that was committed. `requested` are the dates that it was for; None: all."""
    is_held = any(not each.is_known or requested is None or each.business_date in requested for each in result.held)
    return RetailerLoad(retailer_id, result.load_id or None, result.entries, result.plan, result.held, is_held)


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
