"""Dates whose landed records are those the star was last loaded from: they are not loaded again, but accounted for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from shared.database import Cursor, read_sql
from transformation.conform import ConformedBatch
from transformation.ledger import Tally

_SQL = Path(__file__).parent.parent / "sql"


@dataclass(frozen=True)
class StandingDate:
    """What the newest ledger row says the star holds of a date."""

    business_date: date
    in_star: Tally
    superseded: int


class StarDiffers(Exception):
    """Dates thought unchanged have to be loaded after all; the load begins anew."""

    def __init__(self, days: Collection[date]) -> None:
        super().__init__(f"{len(days)} dates")
        self.days = frozenset(days)


def find_unchanged(cursor: Cursor, batch: ConformedBatch, days: Sequence[date]) -> dict[date, StandingDate]:
    """Those of the days whose newest ledger row was written from the same records by the same rules.

    An insert-only load may have left other dates of the retailer standing as they should not; nothing before it counts.
    """
    cursor.execute(read_sql(_SQL / "find_unchanged.sql"), {"retailer_id": batch.retailer_id, "days": list(days)})
    found: dict[date, StandingDate] = {}
    for day, content, in_star, superseded, currencies, amounts in cursor.fetchall():
        if content == batch.landed[day].content:
            money = {code: Decimal(amount) for code, amount in zip(currencies, amounts, strict=True) if code}
            found[day] = StandingDate(day, Tally(in_star, money), superseded)
    return found


def check_still_standing(standing: Mapping[date, StandingDate], star: Mapping[tuple[int, str], Tally]) -> None:
    """Raise StarDiffers unless the star holds of each date what its ledger row says."""
    differing = set()
    for day, expected in standing.items():
        present = star.get((int(f"{day:%Y%m%d}"), "in_star"), Tally())
        codes = set(present.amounts) | set(expected.in_star.amounts)
        if present.records != expected.in_star.records or any(
            present.amount(code) != expected.in_star.amount(code) for code in codes
        ):
            differing.add(day)
    if differing:
        raise StarDiffers(differing)
