"""What the warehouse knows of the source that a load comes from."""

from __future__ import annotations

from shared.sources.table import record_description
from transformation.load.context import LoadState
from transformation.load.transaction import LoadTransaction


def describe_source(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Bring ops.sources and dim_retailer in line with the newest manifest; older manifests may say nothing."""
    batch = tx.context.batch
    described = [(each.written_at, each.source) for each in batch.manifests().values() if each.source]
    if described:
        written_at, source = max(described, key=lambda each: each[0])
        record_description(tx.cursor, batch.retailer_id, source, written_at, tx.context.options.now)
    return state
