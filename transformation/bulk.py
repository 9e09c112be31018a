"""Many business dates of one retailer at once: handed on by a bulk landing, or read back from the raw zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.config import Settings
from shared.database import Cursor
from shared.landed_batch import LandedBatch
from shared.s3_client import ObjectStore
from transformation.conform import ConformedBatch
from transformation.loads import RetailerLoad, published_load, refresh_statistics
from transformation.processed_zone import processed_writer
from transformation.processors.load_plan import LoadPath
from transformation.processors.publication import LoadOptions
from transformation.processors.star_schema_processor import publish

Clock = Callable[[], datetime]
Progress = Callable[[str, float], None]


def _no_books(cursor: Cursor, load_id: int) -> None:
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
    in_transaction: Callable[[Cursor, int], None] = _no_books,
    progress: Progress = _no_progress,
) -> RetailerLoad:
    """Load everything a bulk landing holds in one transaction: all of it becomes visible at once, or nothing.

    `in_transaction` gets a cursor of that transaction and the load's number before the commit, for the caller's own
    books; `progress` is told each step and the share done, from 0 to 1. Raises RetailError; then nothing is published.
    """
    dsn = settings.warehouse_dsn.get_secret_value()
    store = ObjectStore(settings.s3)
    with TemporaryDirectory(prefix="retail-load-") as name:
        options = LoadOptions(
            run_id=run_id,
            now=clock(),
            path=path,
            write_processed=processed_writer(store, settings.s3.bucket_processed),
            in_transaction=in_transaction,
            progress=progress,
        )
        publication = publish(dsn, ConformedBatch(batch, Path(name)), options)
    refresh_statistics(dsn)
    progress("published", 1.0)
    return published_load(batch.retailer_id, publication)
