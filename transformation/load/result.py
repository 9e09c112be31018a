"""What a load is to do, and what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.database import Cursor
from transformation.conform import ConformedBatch
from transformation.load.ledger import LedgerEntry
from transformation.load.plan import LoadPath, LoadPlan


@dataclass(frozen=True)
class LoadOptions:
    """How to load, and what else happens in the load's transaction."""

    run_id: str
    now: datetime
    path: LoadPath = LoadPath.AUTO
    insert_only: bool = False
    """Add new rows only; always merged."""
    is_current: Callable[[], bool] = lambda: True
    """Called once the retailer is locked: whether the partitions that were read are still the landed ones."""
    write_processed: Callable[[ConformedBatch], None] = lambda batch: None
    """Writes the loaded dates' processed files; runs concurrently with the load, while the retailer is locked."""
    in_transaction: Callable[[Cursor, LoadResult], None] = lambda cursor, result: None
    """Runs after the audit, before the commit. `fact_sales` holds what the load would publish; an error keeps it from
    being published."""
    progress: Callable[[str, float], None] = lambda step, share: None
    """Called with what has been done, and with the share of the load that is done, from 0 to 1."""


@dataclass(frozen=True)
class LoadResult:
    """A load that is committed, or about to be."""

    load_id: int
    entries: tuple[LedgerEntry, ...]
    customers_changed: int
    other_dates_changed: tuple[int, ...]
    plan: LoadPlan
    """How each date was loaded."""
