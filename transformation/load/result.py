"""What a load is to do, and what it did."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from shared.database import Cursor
from shared.publication_gate import HeldDate, OpenGate, PublicationGate
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
    gate: PublicationGate = field(default_factory=OpenGate)
    """Decides before the commit which dates are published; the others are left out of the load."""
    requested: Collection[date] | None = None
    """The dates that are checked again although their content waits for a decision; None for all, without a look at
    what is known of them before the load."""
    prepare_processed: Callable[[ConformedBatch], Callable[[], None]] = lambda batch: lambda: None
    """Prepares the loaded dates' processed files; runs concurrently with the load. What it returns writes them to the
    processed zone: it is called once the dates have passed their checks, before the commit."""
    in_transaction: Callable[[Cursor, LoadResult], None] = lambda cursor, result: None
    """Runs after the audit and the gate, before the commit. `fact_sales` holds what the load would publish; an error
    keeps it from being published."""
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
    held: tuple[HeldDate, ...] = ()
    """Dates that were left out, because they fail a critical check."""


NOTHING_LOADED = LoadResult(0, (), 0, (), LoadPlan((), (), ()))
"""Every date was held, so there is no load."""
