"""What a load read and wrote, as lineage."""

from __future__ import annotations

from dataclasses import replace

from monitoring.lineage.flows import Flow, LoadedPart, loading
from monitoring.lineage.record import record_in_load
from shared.config import Settings
from shared.database import Cursor
from transformation.load.result import LoadOptions, LoadResult
from transformation.loads import RetailerLoad, published_load


def flows_of(load: RetailerLoad, settings: Settings) -> list[Flow]:
    """From the raw zone to the processed zone and fact_sales; none of a load that was not published."""
    if load.error:
        return []
    left_alone = load.plan.unchanged if load.plan else ()
    parts = [
        LoadedPart(
            it.business_date,
            it.inserted.records + it.updated.records,
            0 if it.business_date in left_alone else it.manifest.distinct,
        )
        for it in load.entries
    ]
    buckets = (settings.s3.bucket_raw, settings.s3.bucket_processed)
    return loading(settings.warehouse_dsn.get_secret_value(), buckets, load.retailer_id, parts)


def with_lineage(options: LoadOptions, retailer_id: str, settings: Settings) -> LoadOptions:
    """The options of a load that also keeps its lineage in its transaction."""

    def in_transaction(cursor: Cursor, result: LoadResult) -> None:
        options.in_transaction(cursor, result)
        flows = flows_of(published_load(retailer_id, result), settings)
        record_in_load(cursor, options.run_id, "transform", flows, options.now)

    return replace(options, in_transaction=in_transaction)
