"""Reconciles dates of sources from the stores themselves: raw bytes, Parquet, facts, summaries and views; reads only.

It can run while loads run. Memory and the length of a snapshot are bounded by a month of one source.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from ingestion.connectors.protocol import Runtime
from pipeline.reconciliation.batch import Batch, reconcile_batch
from pipeline.reconciliation.landed import buckets, months
from pipeline.reconciliation.model import DateResult, Hop, Report, State, ViewResult
from pipeline.reconciliation.recount import recount as read_again
from pipeline.reconciliation.views import reconcile_views
from shared.config import Settings
from shared.database import Connection, session, transaction
from shared.errors import FixConfiguration
from shared.partitions import read_key

LOCK_TIMEOUT = "60s"
"""Loads and readers never queue behind a reconciliation for longer."""
Progress = Callable[[str, float], None]


def _no_progress(step: str, share: float) -> None:
    pass


def reconcile(
    settings: Settings,
    first: date | None,
    last: date,
    *,
    sources: Sequence[str] = (),
    recount: bool = False,
    with_views: bool = True,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
    progress: Progress = _no_progress,
) -> Report:
    """Compare the stores of all dates from `first`, None for the earliest, to `last`.

    `sources` are those to compare, all that are defined or were loaded by default. With `recount`, their listings are
    read again and compared as well. Raises FixConfiguration for an
    unknown one, and RetailError when a store cannot be read.
    """
    dsn = settings.warehouse_dsn.get_secret_value()
    with session(dsn, application_name="retail-reconcile", settings={"lock_timeout": LOCK_TIMEOUT}) as connection:
        chosen = choose_sources(connection, settings, sources)
        begin = first or min((_first_date(connection, settings, name) for name in chosen), default=last)
        batches = list(_batches(chosen, begin, last))
        results: list[DateResult] = []
        for number, batch in enumerate(batches):
            progress(f"{batch.retailer_id} {batch.first:%Y-%m}", number / max(1, len(batches)))
            compared = reconcile_batch(batch, settings, connection, sleep)
            results += read_again(compared, settings, Runtime(clock=clock, sleep=sleep)) if recount else compared
        results.sort(key=lambda each: each.key)
        views: tuple[ViewResult, ...] = ()
        if with_views and results:
            progress("views", 1.0)
            unsound = {each.retailer_id for each in results if not _has_sound_summaries(each)}
            names = {each.retailer_id for each in results}
            views = reconcile_views(connection, names, begin, last, clock(), unsound)
    return Report(begin, last, tuple(results), views, clock())


def _has_sound_summaries(result: DateResult) -> bool:
    return result.state is not State.BEING_LOADED and all(one.hop is not Hop.SUMMARIES for one in result.differences)


def _batches(sources: Collection[str], first: date, last: date) -> Iterator[Batch]:
    for name in sources:
        for month in months(first, last):
            end = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            yield Batch(name, max(first, month), min(last, end))


def choose_sources(connection: Connection, settings: Settings, wanted: Sequence[str]) -> list[str]:
    """The sources to compare: of those that are defined, or that were loaded. Raises FixConfiguration for another."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT DISTINCT retailer_id FROM ops.load_ledger")
        known = {*settings.sources.ids, *(name for (name,) in cursor.fetchall())}
    if unknown := sorted(set(wanted) - known):
        raise FixConfiguration(
            f"{', '.join(unknown)} is neither defined nor was it ever loaded. To see the sources: retail sources list"
        )
    return sorted(set(wanted) or known)


def _first_date(connection: Connection, settings: Settings, retailer_id: str) -> date:
    raw, _ = buckets(settings.s3)
    landed = [parts.business_date for key in raw.list(f"raw/{retailer_id}/") if (parts := read_key(key))]
    with transaction(connection) as cursor:
        cursor.execute("SELECT min(business_date) FROM ops.load_ledger WHERE retailer_id = %s", (retailer_id,))
        row = cursor.fetchone()
    return min([*landed, *([row[0]] if row and row[0] else [])], default=date.max)
