"""Compares what ought to agree: raw zone, ledger, star and daily summaries, in records and in money."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from maintenance.open_alerts import open_alerts, resolve
from maintenance.reconciliation_inputs import Books, Landed, Money, Slice, Totals, read_books, read_raw_zone
from maintenance.task import TaskContext, TaskResult, set_lock_timeout
from monitoring.alerts import Alert, raise_alert

KIND = "reconciliation"
DAYS = 35
SETTLED_AFTER = timedelta(hours=6)
"""A partition landed more recently may still be on its way into the star."""
_SHOWN = 20
Differences = dict[Slice, list[str]]


def reconcile(context: TaskContext, *, days: int = DAYS) -> TaskResult:
    """Compare the latest `days` business dates; each retailer and date that differs gets a critical alert.

    An alert whose difference is gone is resolved. Reads only; a load that publishes meanwhile is seen whole or not at
    all, and what it landed is left out until it had time to be loaded.
    """
    first, last = context.yesterday - timedelta(days=days - 1), context.yesterday
    with context.warehouse() as connection:
        set_lock_timeout(connection, 60)
        books = read_books(connection, first, last)
        landed = read_raw_zone(context.settings, first, last, sorted(books))
        found = compare(books, landed, settled_before=context.clock() - SETTLED_AFTER)
        gone = {each for each in open_alerts(connection, KIND) if first <= each[1] <= last and each not in found}
    for (name, day), differences in sorted(found.items()):
        raise_alert(context.dsn, _alert(name, day, differences, context.run_id), clock=context.clock)
    resolved = sum(resolve(context, KIND, name, day) for name, day in sorted(gone))
    facts = {
        "first_date": first.isoformat(),
        "last_date": last.isoformat(),
        "compared": len({*books, *landed}),
        "resolved": resolved,
        "differences": [
            {"retailer_id": name, "business_date": day.isoformat(), "differences": told}
            for (name, day), told in sorted(found.items())
        ],
    }
    summary = f"{facts['compared']} partitions of {first} to {last} compared, {len(found)} differ"
    return TaskResult(summary, facts, _problem(found))


def compare(
    books: Mapping[Slice, Books], landed: Mapping[Slice, Landed | str | None], *, settled_before: datetime
) -> Differences:
    """What differs, by retailer and date; nothing for those that agree."""
    found = {
        each: [
            *_compare_warehouse(books.get(each, Books())),
            *_compare_landed(books.get(each, Books()), landed.get(each), settled_before),
        ]
        for each in sorted({*books, *landed})
    }
    return {each: differences for each, differences in found.items() if differences}


def _compare_warehouse(book: Books) -> list[str]:
    return [
        *_differences("fact_sales", book.star, "the ledger", book.ledger),
        *_differences("fact_daily_sales", book.summary, "fact_sales", book.star),
    ]


def _compare_landed(book: Books, landed: Landed | str | None, settled_before: datetime) -> list[str]:
    if isinstance(landed, str):
        return [f"the raw zone: {landed}"]
    if landed is None:
        return [] if book.sha256 is None else ["the ledger has a load of it, but the raw zone has no manifest"]
    if landed.sha256 != book.sha256:
        if landed.written_at >= settled_before:
            return []
        what = "was never loaded" if book.sha256 is None else "has been landed anew since, and was not loaded again"
        return [f"what was landed at {landed.written_at:%Y-%m-%d %H:%M} UTC {what}"]
    return _differences("the raw zone", landed.totals, "the ledger", book.landed)


def _differences(what: str, these: Totals, against: str, those: Totals) -> list[str]:
    told = []
    if these.records != those.records:
        told.append(f"{what} holds {these.records:,} records, {against} {those.records:,}")
    for currency in sorted({*these.money, *those.money}):
        amounts = [_amount(money, currency) for money in (these.money, those.money)]
        if amounts[0] != amounts[1]:
            told.append(
                f"{what} holds {amounts[0]:,.2f} {currency}, {against} {amounts[1]:,.2f}"
                f" (difference {amounts[0] - amounts[1]:,.4f})"
            )
    return told


def _amount(money: Money, currency: str) -> Decimal:
    return money.get(currency, Decimal(0))


def _alert(retailer_id: str, day: date, differences: list[str], run_id: str) -> Alert:
    return Alert(
        KIND,
        "critical",
        f"{retailer_id} {day} does not reconcile: {differences[0]}",
        "; ".join(differences) + f". Load the date again (retail schedule trigger {day}); where it then agrees, readers"
        " had seen wrong numbers: find out who wrote to the star beside the loads.",
        business_date=day,
        retailer_id=retailer_id,
        run_id=run_id,
    )


def _problem(found: Differences) -> str | None:
    if not found:
        return None
    told = [f"{name} {day}: {'; '.join(differences)}" for (name, day), differences in sorted(found.items())]
    more = f" And {len(told) - _SHOWN} more." if len(told) > _SHOWN else ""
    listed = ". ".join(told[:_SHOWN])
    return f"{len(found)} partitions do not reconcile. {listed}.{more} See: retail alerts list"
