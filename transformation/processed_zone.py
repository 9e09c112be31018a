"""The processed zone: one Parquet object per business date, conformed, for engines that query it in place.

The files are prepared on disk while the load runs, and written once its dates have passed their checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pyarrow
import pyarrow.parquet

from shared.partitions import processed_key
from shared.s3_client import Bucket
from transformation.conform import ConformedBatch
from transformation.load.plan import first_of_month

_BATCH_ROWS = 16_384
_UPLOADS = 4
"""Objects under way at once."""
_REPETITIVE = ["retailer_id", "line_type", "store_id", "store_name", "store_city", "store_country", "currency"]
"""Columns that a dictionary makes smaller at once; for the others the compression does as well, for less time."""
_PARQUET = "application/vnd.apache.parquet"


def processed_writer(bucket: Bucket) -> Callable[[ConformedBatch], Callable[[], None]]:
    """What prepares the processed objects of the dates that a batch has conformed, and returns what writes them.

    They replace older ones.
    """

    def prepare(batch: ConformedBatch) -> Callable[[], None]:
        files = {day: batch.directory / f"{day}.parquet" for day in batch.conformed_days}
        for day, rows in _tables(batch):
            pyarrow.parquet.write_table(rows, files[day], compression="zstd", use_dictionary=_REPETITIVE)

        def write(day: date) -> None:
            bucket.put(processed_key(batch.retailer_id, day), files[day], content_type=_PARQUET)

        return lambda: _write_all(write, sorted(files))

    return prepare


def _write_all(write: Callable[[date], None], days: list[date]) -> None:
    with ThreadPoolExecutor(_UPLOADS, thread_name_prefix="processed") as pool:
        for _ in pool.map(write, days):
            pass


def _tables(batch: ConformedBatch) -> Iterator[tuple[date, pyarrow.Table]]:
    """The conformed rows of each date, sorted by key; a month is sorted at a time and streamed, one date in memory."""
    columnar = batch.cursor()
    for month in sorted({first_of_month(day) for day in batch.conformed_days}):
        wanted = [day for day in sorted(batch.conformed_days) if first_of_month(day) == month]
        reader = columnar.sql(
            f"SELECT * FROM conformed WHERE business_date BETWEEN DATE '{wanted[0]}' AND DATE '{wanted[-1]}'"  # noqa: S608
            " ORDER BY business_date, transaction_id, line_id"
        ).to_arrow_reader(_BATCH_ROWS)
        rows = pyarrow.Table.from_batches([], reader.schema)
        for day in wanted:
            count = batch.rows([day])
            while rows.num_rows < count:
                rows = pyarrow.concat_tables([rows, pyarrow.Table.from_batches([reader.read_next_batch()])])
            yield day, rows.slice(0, count)
            rows = rows.slice(count)
        reader.read_all()  # nothing is left, but DuckDB needs the call before it runs another query
