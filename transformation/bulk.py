"""Many business dates of one retailer at once: handed on by a bulk landing, or read back from the raw zone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from shared.config import Settings
from shared.database import Cursor
from shared.errors import StopRun
from shared.landed_batch import LandedBatch
from shared.partitions import MANIFEST_NAME, Manifest, read_key
from shared.publication_gate import quality_gate
from shared.s3_client import Bucket
from shared.scratch import scratch_directory
from transformation.conform import ConformedBatch
from transformation.lineage import with_lineage
from transformation.load.plan import LoadPath
from transformation.load.result import LoadOptions, LoadResult
from transformation.loads import RetailerLoad, published_load, refresh_statistics
from transformation.processed_zone import processed_writer
from transformation.processors.star_schema_processor import publish
from transformation.raw_partitions import columnar_workspace, read_manifest, read_partitions

_REQUESTS = 6
"""Manifests requested at once."""
Clock = Callable[[], datetime]
Progress = Callable[[str, float], None]


def _nothing_else(cursor: Cursor, result: LoadResult) -> None:
    pass


def _no_progress(step: str, share: float) -> None:
    pass


def load_batch(
    batch: LandedBatch,
    *,
    settings: Settings,
    run_id: str,
    clock: Clock,
    path: LoadPath = LoadPath.AUTO,
    in_transaction: Callable[[Cursor, LoadResult], None] = _nothing_else,
    progress: Progress = _no_progress,
) -> RetailerLoad:
    """Load everything a bulk landing holds in one transaction: all of it becomes visible at once, or nothing.

    The caller makes the quality checks, in `in_transaction`.

    `in_transaction` gets a cursor of that transaction and what the load has done, before the commit, for rows of the
    caller; `progress` gets each step and the share done, from 0 to 1. Raises RetailError; then nothing is published.
    """
    with scratch_directory() as name:
        return _load(
            ConformedBatch(batch, Path(name)),
            settings,
            LoadOptions(
                run_id,
                clock(),
                path,
                gate=quality_gate(is_checked_by_caller=True),
                in_transaction=in_transaction,
                progress=progress,
            ),
        )


def rebuild(
    retailer_id: str,
    first: date | None,
    last: date | None,
    *,
    settings: Settings,
    run_id: str,
    clock: Clock,
    path: LoadPath = LoadPath.AUTO,
    progress: Progress = _no_progress,
) -> RetailerLoad:
    """Load what the raw zone holds of a retailer, from `first` to `last` inclusive, None for no limit, in one go.

    Content that was held is left out, unless it was approved. Raises StopRun when nothing is landed in that range, and
    what `load_batch` raises.
    """
    bucket = Bucket(settings.s3, settings.s3.bucket_raw)
    with scratch_directory() as name, columnar_workspace(Path(name)) as connection:
        days = landed_days(bucket, retailer_id, first, last)
        if not days:
            raise StopRun(
                f"The raw zone holds nothing of {retailer_id} in that range. Widen it, or land the dates first."
            )
        batch = read_partitions(bucket, retailer_id, days, Path(name), connection)
        progress("read", 0.1)
        return _load(
            ConformedBatch(batch, Path(name)),
            settings,
            LoadOptions(
                run_id,
                clock(),
                path,
                gate=quality_gate(),
                requested=(),
                is_current=lambda: is_still_current(bucket, batch),
                progress=progress,
            ),
        )


def landed_days(bucket: Bucket, retailer_id: str, first: date | None = None, last: date | None = None) -> list[date]:
    """The business dates whose manifests the raw zone holds, ascending."""
    keys = (read_key(key) for key in bucket.list(f"raw/{retailer_id}/"))
    days = (key.business_date for key in keys if key and key.name == MANIFEST_NAME)
    return sorted(day for day in days if (first is None or day >= first) and (last is None or day <= last))


def is_still_current(bucket: Bucket, batch: LandedBatch) -> bool:
    """Whether the raw zone's manifests still name the objects that the batch was read from."""

    def is_same(manifest: Manifest) -> bool:
        return read_manifest(bucket, batch.retailer_id, manifest.business_date).sha256 == manifest.sha256

    with ThreadPoolExecutor(_REQUESTS, thread_name_prefix="manifest") as pool:
        return all(pool.map(is_same, batch.manifests().values()))


def _load(batch: ConformedBatch, settings: Settings, options: LoadOptions) -> RetailerLoad:
    dsn = settings.warehouse_dsn.get_secret_value()
    writer = processed_writer(Bucket(settings.s3, settings.s3.bucket_processed))
    options = with_lineage(replace(options, prepare_processed=writer), batch.retailer_id, settings)
    result = publish(dsn, batch, options)
    refresh_statistics(dsn)
    options.progress("published", 1.0)
    return published_load(batch.retailer_id, result)
