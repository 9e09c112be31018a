"""The processed zone: one Parquet object per business date, conformed, for engines that query it in place."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date

import pyarrow
import pyarrow.parquet

from shared.partitions import processed_key
from shared.s3_client import ObjectStore
from transformation.conform import ConformedBatch
from transformation.processors.load_plan import first_of_month

_UPLOADS = 4
"""Objects under way at once."""
_PARQUET = "application/vnd.apache.parquet"


def processed_writer(store: ObjectStore, bucket: str) -> Callable[[ConformedBatch, Collection[date]], None]:
    """What writes the processed objects of a load's dates, replacing older ones."""

    def write(batch: ConformedBatch, days: Collection[date]) -> None:
        under_way: deque[Future[None]] = deque()
        with ThreadPoolExecutor(_UPLOADS, thread_name_prefix="processed") as pool:
            for day, rows in _tables(batch, days):
                while len(under_way) >= 2 * _UPLOADS:
                    under_way.popleft().result()
                key = processed_key(batch.retailer_id, day)
                under_way.append(pool.submit(store.put, bucket, key, _parquet(rows), content_type=_PARQUET))
            for upload in under_way:
                upload.result()

    return write


def _tables(batch: ConformedBatch, days: Collection[date]) -> Iterator[tuple[date, pyarrow.Table]]:
    """The conformed rows of each date, sorted by key; a month is read at a time, so that memory stays bounded."""
    columnar = batch.cursor()
    for month in sorted({first_of_month(day) for day in days}):
        wanted = [day for day in sorted(days) if first_of_month(day) == month]
        rows: pyarrow.Table = columnar.sql(
            "SELECT * FROM conformed WHERE business_date IN ("  # noqa: S608 - dates
            + ", ".join(f"DATE '{day}'" for day in wanted)
            + ") ORDER BY business_date, transaction_id, line_id"
        ).to_arrow_table()
        start = 0
        for day in wanted:
            count = batch.rows([day])
            yield day, rows.slice(start, count)
            start += count


def _parquet(rows: pyarrow.Table) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(rows, buffer, compression="zstd")
    return buffer.getvalue()
