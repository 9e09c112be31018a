"""The end of a build, inside the load's own transaction: foreign keys, summaries, and attaching the months."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg2
from psycopg2 import sql

from shared.database import Cursor
from shared.errors import RetryLater
from transformation.load.build_months import BuiltMonth
from transformation.load.copying import copy_batches
from transformation.load.customer_history import repoint_facts
from transformation.load.plan import date_key, last_of_month

SWAP_TIMEOUT_SECONDS = 300.0
"""How long a load tries to get the locks for replacing months."""
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
"""Readers wait at most a fifth of a second per attempt; the pauses between attempts grow."""


def finish_month(cursor: Cursor, parameters: Mapping[str, object], month: BuiltMonth) -> None:
    """Replace the summaries of the dates, check the month's foreign keys, and attach it if it is new.

    In this transaction, since no other sees the dimension rows. No reader is blocked.
    """
    keys = [int(f"{day:%Y%m%d}") for day in month.plan.days]
    for table, rows in (
        ("fact_daily_sales", month.daily_sales),
        ("fact_daily_transactions", month.daily_transactions),
    ):
        identifier = sql.Identifier(table)
        cursor.execute(
            sql.SQL("DELETE FROM {} WHERE retailer_key = %s AND date_key = ANY (%s)").format(identifier),
            (parameters["retailer_key"], keys),
        )
        copy_batches(cursor, rows.to_batches(), identifier)
    if month.plan.replaces:
        # Rows that were copied over still follow the customers' old history.
        repoint_facts(cursor, parameters, month.identifier)
        cursor.execute("SELECT ops.reference_fact_build(%s)", (month.table,))
    else:
        cursor.execute("SELECT ops.attach_fact_build(%s)", (month.table,))


@contextmanager
def preview(cursor: Cursor, months: Sequence[BuiltMonth]) -> Iterator[None]:
    """In the block, `fact_sales` means what it will hold after `swap`: a view that this transaction alone sees."""
    replaced = sorted((month for month in months if month.plan.replaces), key=_order)
    if not replaced:
        yield
        return
    spans = [(date_key(month.plan.first_day), date_key(last_of_month(month.plan.first_day))) for month in replaced]
    others = " AND ".join(f"date_key NOT BETWEEN {first} AND {last}" for first, last in spans)
    parts = [sql.SQL(" UNION ALL SELECT * FROM {}").format(month.identifier) for month in replaced]
    view = sql.SQL("CREATE TEMP VIEW fact_sales AS SELECT * FROM public.fact_sales WHERE ") + sql.SQL(others)
    cursor.execute(view + sql.Composed(parts))
    yield
    cursor.execute("DROP VIEW pg_temp.fact_sales")


def swap(
    cursor: Cursor,
    months: Sequence[BuiltMonth],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Replace the months that are there; call last, since readers wait from here to the commit.

    New months are attached already, but they are published with the same lock on fact_sales: a statement that has
    looked up the months then takes its snapshot before the commit, and none sees the summaries without the facts.
    Raises RetryLater when sessions read what is locked for longer than `SWAP_TIMEOUT_SECONDS`. A session that is idle
    in a transaction holds what it has read, too.
    """
    replaced = sorted((month for month in months if month.plan.replaces), key=_order)
    deadline, pause = clock() + SWAP_TIMEOUT_SECONDS, _FIRST_PAUSE_SECONDS
    tables = [month.table for month in replaced]
    cursor.execute("SAVEPOINT before_swap")
    while not _locked(cursor, tables):
        if clock() > deadline:
            raise RetryLater(
                "The months could not be published, since sales or dimensions were being read all the time, by"
                f" {_holders(cursor, tables)}. Nothing was changed. End that session, or run again later."
            )
        sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    cursor.execute("RELEASE SAVEPOINT before_swap")
    for table in tables:
        cursor.execute("SELECT ops.attach_fact_build(%s)", (table,))


def _locked(cursor: Cursor, tables: list[str]) -> bool:
    """One attempt. Its locks are given up by going back to the savepoint, which stays for the next attempt."""
    try:
        cursor.execute("SELECT ops.lock_months_for_swap(%s)", (tables,))
    except psycopg2.errors.LockNotAvailable:
        cursor.execute("ROLLBACK TO SAVEPOINT before_swap")
        return False
    return True


def _holders(cursor: Cursor, tables: list[str]) -> str:
    cursor.execute("SELECT ops.swap_holders(%s)", (tables,))
    row = cursor.fetchone()
    return str(row[0]) if row and row[0] else "a session that has ended since"


def _order(month: BuiltMonth) -> str:
    return month.table
