"""Dates whose landed records are those that were loaded last: only their ledger is written again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from shared.counts import counted
from shared.database import Cursor
from transformation.conform import ConformedBatch
from transformation.load.ledger import Totals
from transformation.money import Money
from transformation.statements import statement


@dataclass(frozen=True)
class UnchangedDate:
    """What the newest ledger row says fact_sales holds of a date."""

    business_date: date
    in_warehouse: Totals
    superseded: int


class WarehouseChanged(Exception):
    """Dates that seemed unchanged have to be loaded after all; the load starts again."""

    def __init__(self, days: Collection[date]) -> None:
        super().__init__(counted(len(days), "date"))
        self.days = frozenset(days)


def find_unchanged(cursor: Cursor, batch: ConformedBatch, days: Sequence[date]) -> dict[date, UnchangedDate]:
    """Those of the days whose newest ledger row was written from the same records by the same rules.

    An insert-only load can leave outdated rows, so ledger rows older than the latest such load do not count.
    """
    cursor.execute(statement("find_unchanged"), {"retailer_id": batch.retailer_id, "days": list(days)})
    found: dict[date, UnchangedDate] = {}
    for day, content, in_warehouse, superseded, currencies, measures, amounts in cursor.fetchall():
        if content == batch.landed[day].content:
            money: dict[str, Money] = defaultdict(Money)
            for code, measure, amount in zip(currencies, measures, amounts, strict=True):
                if code:
                    money[code] += Money(**{measure: Decimal(amount)})
            found[day] = UnchangedDate(day, Totals(in_warehouse, money), superseded)
    return found


def check_still_unchanged(unchanged: Mapping[date, UnchangedDate], facts: Mapping[tuple[int, str], Totals]) -> None:
    """Raise WarehouseChanged unless fact_sales holds of each date what its ledger row says."""
    differing = set()
    for day, expected in unchanged.items():
        present = facts.get((int(f"{day:%Y%m%d}"), "in_warehouse"), Totals())
        codes = set(present.amounts) | set(expected.in_warehouse.amounts)
        if present.records != expected.in_warehouse.records or any(
            present.amount(code) != expected.in_warehouse.amount(code) for code in codes
        ):
            differing.add(day)
    if differing:
        raise WarehouseChanged(differing)
