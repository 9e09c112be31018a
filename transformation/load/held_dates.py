"""Dates that are not published because they fail a critical check: left out, recorded, and reported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from shared.database import Connection, transaction
from shared.publication_gate import CheckedLoad, HeldDate, LandedContent
from transformation.conform import ConformedBatch
from transformation.load.attach_months import preview
from transformation.load.context import LoadState
from transformation.load.result import LoadOptions
from transformation.load.transaction import LoadTransaction


class DatesHeld(Exception):
    """The load would publish dates that fail a critical check. It is rolled back, and starts again without them."""

    def __init__(self, load: CheckedLoad, held: Sequence[HeldDate]) -> None:
        super().__init__(", ".join(str(each.business_date) for each in held))
        self.load = load
        self.held = tuple(held)


def check_dates(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Let the gate check what readers would see. Raises DatesHeld for dates that must not be published."""
    options, batch = tx.context.options, tx.context.batch
    load = CheckedLoad(
        batch.retailer_id,
        options.run_id,
        state.load_id,
        options.now,
        _landed(batch),
        state.plan.loaded,
    )
    with preview(tx.cursor, state.built_months):
        if held := options.gate.check(tx.cursor, load):
            raise DatesHeld(load, held)
        options.in_transaction(tx.cursor, state.result)
    return state


def find_left_out(connection: Connection, batch: ConformedBatch, options: LoadOptions) -> tuple[HeldDate, ...]:
    """The dates that need not be tried, because of what is known of exactly their content."""
    if options.requested is None:
        return ()
    with transaction(connection) as cursor:
        found = options.gate.left_out(cursor, batch.retailer_id, _landed(batch), options.requested)
    return tuple(found)


def _landed(batch: ConformedBatch) -> dict[date, LandedContent]:
    manifests = batch.manifests()
    return {day: LandedContent(manifests[day], batch.landed[day].content) for day in batch.days}


def record_held(connection: Connection, error: DatesHeld, options: LoadOptions) -> tuple[HeldDate, ...]:
    """Record them in a transaction of its own, now that the load is rolled back."""
    with transaction(connection) as cursor:
        return tuple(options.gate.record(cursor, error.load, error.held))
