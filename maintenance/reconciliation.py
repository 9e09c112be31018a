"""Compares raw zone, ledger, facts and daily summaries, in records and in money."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from maintenance.open_alerts import open_alerts
from maintenance.reconciliation_alerts import KIND, NO_MANIFEST, report
from maintenance.reconciliation_inputs import (
    LandedPartition,
    Money,
    Slice,
    Totals,
    WarehouseTotals,
    read_raw_zone,
    read_warehouse,
)
from maintenance.task import TaskContext, TaskResult, set_lock_timeout
from shared.counts import counted

DAYS = 35
SETTLED_AFTER = timedelta(hours=6)
"""A partition that was landed more recently may not be loaded yet."""
_SHOWN = 20
Differences = dict[Slice, list[str]]


def reconcile(context: TaskContext, *, days: int = DAYS) -> TaskResult:
    """Compare the latest `days` business dates; each retailer and date that differs gets a critical alert.

    Many dates of a retailer have one alert together. An alert whose difference is gone is resolved. Reads only; a load
    that commits meanwhile is seen completely or not at all, and a partition that was landed recently is left out.
    """
    first, last = context.yesterday - timedelta(days=days - 1), context.yesterday
    with context.warehouse() as connection:
        set_lock_timeout(connection, 60)
        warehouse = read_warehouse(connection, first, last)
        landed = read_raw_zone(context.settings, first, last, sorted(warehouse))
        found = compare(warehouse, landed, settled_before=context.clock() - SETTLED_AFTER)
        open_now = open_alerts(connection, KIND).within(first, last)
    compared = {*warehouse, *landed}
    resolved = report(context, found, compared, open_now)
    facts = {
        "first_date": first.isoformat(),
        "last_date": last.isoformat(),
        "compared": len(compared),
        "resolved": resolved,
        "differences": [
            {"retailer_id": name, "business_date": day.isoformat(), "differences": differences}
            for (name, day), differences in sorted(found.items())
        ],
    }
    summary = f"{counted(len(compared), 'partition')} of {first} to {last} compared, {len(found)} differ"
    return TaskResult(summary, facts, _problem(found))


def compare(
    warehouse: Mapping[Slice, WarehouseTotals],
    landed: Mapping[Slice, LandedPartition | str | None],
    *,
    settled_before: datetime,
) -> Differences:
    """What differs, by retailer and date; nothing for those that agree."""
    found = {
        each: [
            *_compare_warehouse(warehouse.get(each, WarehouseTotals())),
            *_compare_landed(warehouse.get(each, WarehouseTotals()), landed.get(each), settled_before),
        ]
        for each in sorted({*warehouse, *landed})
    }
    return {each: differences for each, differences in found.items() if differences}


def _compare_warehouse(totals: WarehouseTotals) -> list[str]:
    return [
        *_differences("fact_sales", totals.facts, "the ledger", totals.ledger),
        *_differences("fact_daily_sales", totals.summary, "fact_sales", totals.facts),
    ]


def _compare_landed(
    totals: WarehouseTotals, landed: LandedPartition | str | None, settled_before: datetime
) -> list[str]:
    if isinstance(landed, str):
        return [f"the raw zone: {landed}"]
    if landed is None:
        return [] if totals.sha256 is None else [NO_MANIFEST]
    if landed.sha256 != totals.sha256:
        if landed.written_at >= settled_before or landed.sha256 in totals.held:
            return []
        what = "was never loaded" if totals.sha256 is None else "was landed again since, but not loaded again"
        return [f"what was landed at {landed.written_at:%Y-%m-%d %H:%M} UTC {what}"]
    return _differences("the raw zone", landed.totals, "the ledger", totals.landed)


def _differences(what: str, these: Totals, against: str, those: Totals) -> list[str]:
    found = []
    if these.records != those.records:
        found.append(f"{what} holds {counted(these.records, 'record')}, {against} {those.records:,}")
    for currency in sorted({*these.money, *those.money}):
        amounts = [_amount(money, currency) for money in (these.money, those.money)]
        if amounts[0] != amounts[1]:
            found.append(
                f"{what} holds {amounts[0]:,.2f} {currency}, {against} {amounts[1]:,.2f}"
                f" (difference {amounts[0] - amounts[1]:,.4f})"
            )
    return found


def _amount(money: Money, currency: str) -> Decimal:
    return money.get(currency, Decimal(0))


def _problem(found: Differences) -> str | None:
    if not found:
        return None
    lines = [f"{name} {day}: {'; '.join(differences)}" for (name, day), differences in sorted(found.items())]
    more = f" And {len(lines) - _SHOWN} more." if len(lines) > _SHOWN else ""
    listed = ". ".join(lines[:_SHOWN])
    differ = "does not" if len(found) == 1 else "do not"
    return f"{counted(len(found), 'partition')} {differ} reconcile. {listed}.{more} See: retail alerts list"
