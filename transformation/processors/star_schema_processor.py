"""Landed partitions of one retailer into the star, audited, in one transaction.

The dimensions first, for all dates; then each month by the way that costs less: merged row by row (`merge_dates`), or
built beside the star and attached at the end (`build_months`, `attach_months`). Dates that hold what they held are only
accounted for. A retailer's loads follow one another by a lock; retailers run side by side, unless one builds months.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date

from shared.database import Connection, session, transaction
from shared.errors import RetryLater
from transformation.conform import ConformedBatch
from transformation.load.plan import LoadPath, first_of_month, make_plan, months_present
from transformation.load.result import LoadOptions, LoadResult
from transformation.load.transaction import LoadTransaction
from transformation.load.unchanged_dates import UnchangedDate, WarehouseChanged, find_unchanged


class OutdatedRead(RetryLater):
    """The partitions were replaced after they were read: loading them would put old data over newer."""


def publish(dsn: str, batch: ConformedBatch, options: LoadOptions) -> LoadResult:
    """Bring the star in line with the batch; all of it becomes visible at once, or nothing.

    Raises OutdatedRead when the partitions are no longer the landed ones, and StopRun when the books do not balance.
    """
    changed: frozenset[date] = frozenset()
    with session(dsn, application_name="retail-transform") as connection:
        while True:
            try:
                return _publish(connection, dsn, batch, options, changed)
            except WarehouseChanged as differs:
                changed |= differs.days


def _publish(
    connection: Connection, dsn: str, batch: ConformedBatch, options: LoadOptions, changed: frozenset[date]
) -> LoadResult:
    months = sorted({first_of_month(day) for day in batch.days})
    path = LoadPath.MERGE if options.insert_only else options.path
    with transaction(connection) as cursor:
        cursor.execute("SELECT ops.drop_orphan_builds()")
        unchanged: Mapping[date, UnchangedDate] = {}
        if options.path is LoadPath.AUTO and not options.insert_only:
            unchanged = find_unchanged(cursor, batch, [day for day in batch.days if day not in changed])
        present = months_present(cursor, months)
    batch.conform([day for day in batch.days if day not in unchanged])
    rows = {day: batch.rows([day]) for day in batch.days if day not in unchanged}
    plan = make_plan(rows, present, path, unchanged=unchanged)
    if not plan.months:
        _ensure_months(connection, [day for day in plan.merged if first_of_month(day) not in present])
    options.progress("conformed", 0.2)
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT ops.{'enter_build' if plan.months else 'enter_load'}(%s)", (batch.retailer_id,))
        if not options.is_current():
            raise OutdatedRead(f"{batch.retailer_id} was landed anew while this load waited for another. Run again.")
        with _beside(lambda: options.write_processed(batch)) as processed_is_written:
            load = LoadTransaction(cursor, dsn, batch, options)
            if plan.months:  # others may have made months until the lock was ours
                present = months_present(cursor, months)
            return load.run(
                lambda split_dates: make_plan(rows, present, path, unchanged=unchanged, split_dates=split_dates),
                unchanged,
                processed_is_written,
            )


def _ensure_months(connection: Connection, days: Sequence[date]) -> None:
    with transaction(connection) as cursor:
        for month in sorted({first_of_month(day) for day in days}):
            # Committed by itself: attaching a month holds off every other load.
            cursor.execute("SELECT ops.ensure_fact_partition(%s)", (month,))


@contextmanager
def _beside(work: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Do `work` in a thread; what the block gets waits for it, and raises what it raised."""
    with ThreadPoolExecutor(1, thread_name_prefix="processed") as pool:
        yield pool.submit(work).result
