"""What a load read and wrote, as lineage."""

from __future__ import annotations

from monitoring.lineage.flows import Flow, LoadedPart, loading
from shared.config import Settings
from transformation.loads import RetailerLoad


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
