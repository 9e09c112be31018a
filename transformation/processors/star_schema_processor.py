"""Loads landed partitions of one retailer into the warehouse, audited, in one transaction.

The steps are in `transformation.load.steps`: the dimensions first, for all dates; then each month in the cheaper way,
merged row by row (`merge_dates`), or built separately and attached at the end (`build_months`, `attach_months`). For
dates whose records have not changed, only the ledger is written. A lock makes a retailer's loads run one after another;
several retailers load concurrently, unless one of them builds months.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import TypeVar

from shared.database import Connection, session, transaction
from shared.errors import RetryLater
from shared.publication_gate import HeldDate
from transformation.conform import ConformedBatch
from transformation.load.context import LoadContext
from transformation.load.held_dates import DatesHeld, find_left_out, record_held
from transformation.load.plan import LoadPath, check_months, first_of_month, make_plan, months_present
from transformation.load.result import NOTHING_LOADED, LoadOptions, LoadResult
from transformation.load.steps import STEPS
from transformation.load.transaction import LoadTransaction, find_retailer_key
from transformation.load.unchanged_dates import UnchangedDate, WarehouseChanged, find_unchanged

_Result = TypeVar("_Result")


class OutdatedRead(RetryLater):
    """The partitions were replaced after they were read: loading them would put old data over newer."""


def publish(dsn: str, batch: ConformedBatch, options: LoadOptions) -> LoadResult:
    """Bring the warehouse in line with the batch; all of it becomes visible at once, or nothing.

    Dates that the gate holds are left out, and the others are published. Raises OutdatedRead when other partitions were
    landed meanwhile, and StopRun when it does not reconcile.
    """
    with session(dsn, application_name="retail-transform") as connection:
        held = find_left_out(connection, batch, options)
        result, held = _publish_rest(connection, dsn, batch, options, held)
    if held:
        options.gate.report(dsn, options.run_id, batch.retailer_id, held, options.now)
    return replace(result, held=tuple(sorted(held, key=lambda each: each.business_date)))


def _publish_rest(
    connection: Connection, dsn: str, batch: ConformedBatch, options: LoadOptions, held: tuple[HeldDate, ...]
) -> tuple[LoadResult, tuple[HeldDate, ...]]:
    """Publish the dates that are not held. The load starts again without those that turn out to fail a check."""
    changed: frozenset[date] = frozenset()
    rest = batch.without({each.business_date for each in held})
    while rest.days:
        try:
            return _publish(connection, dsn, rest, options, changed), held
        except WarehouseChanged as differs:
            changed |= differs.days
        except DatesHeld as error:
            held += record_held(connection, error, options)
            rest = rest.without({each.business_date for each in held})
    return NOTHING_LOADED, held


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
        check_months(cursor, batch.retailer_id, [month for month in months if month not in present])
    batch.conform([day for day in batch.days if day not in unchanged])
    rows = {day: batch.rows([day]) for day in batch.days if day not in unchanged}
    plan = make_plan(rows, present, path, unchanged=unchanged)
    if not plan.months:
        _ensure_months(connection, [day for day in plan.merged if first_of_month(day) not in present])
    options.progress("conformed", 0.2)
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT ops.{'enter_build' if plan.months else 'enter_load'}(%s)", (batch.retailer_id,))
        if not options.is_current():
            raise OutdatedRead(f"{batch.retailer_id} was landed again while this load waited for another. Run again.")
        with _in_background(lambda: options.prepare_processed(batch)) as wait_for_processed:
            retailer_key = find_retailer_key(cursor, batch.retailer_id)
            if plan.months:  # other loads may have made months before this one got the lock
                present = months_present(cursor, months)
            context = LoadContext(
                retailer_key,
                batch,
                options,
                dsn,
                unchanged,
                lambda split_dates: make_plan(rows, present, path, unchanged=unchanged, split_dates=split_dates),
                wait_for_processed,
            )
            return LoadTransaction(cursor, context).run(STEPS)


def _ensure_months(connection: Connection, days: Sequence[date]) -> None:
    with transaction(connection) as cursor:
        for month in sorted({first_of_month(day) for day in days}):
            # Committed separately: attaching a month makes every other load wait.
            cursor.execute("SELECT ops.ensure_fact_partition(%s)", (month,))


@contextmanager
def _in_background(work: Callable[[], _Result]) -> Iterator[Callable[[], _Result]]:
    """Do `work` in a thread. The block gets a function that waits for its result and raises what it raised."""
    with ThreadPoolExecutor(1, thread_name_prefix="processed") as pool:
        yield pool.submit(work).result
