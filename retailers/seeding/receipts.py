"""Receipts and their lines, independent of how a retailer stores them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import NamedTuple

from retailers.seeding.catalogue import NamedProduct
from retailers.seeding.customers import CustomerVersion
from retailers.seeding.market import Store

PLACES = 100
"""More than the lines of any receipt: rank times this, plus the line number, orders lines."""


class Kind(Enum):
    """What a receipt records."""

    SALE = "sale"
    RETURN = "return"
    ADJUSTMENT = "adjustment"


class Line(NamedTuple):
    """One line, with the unit price in minor units. Only adjustments have a negative quantity or price."""

    number: int
    product: NamedProduct
    quantity: int
    price: int
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Correction:
    """How a receipt changed at `at` (epoch seconds), and which of its lines changed (None: all)."""

    at: int
    lines: tuple[Line, ...]
    touched: frozenset[int] | None
    customer: CustomerVersion | None
    sold_at: int
    business_date: date


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as first entered. Times are epoch seconds; `booked_at` is when it was entered into the database.

    `rank` orders receipts of the same second, like their numbers.
    """

    number: str
    rank: int
    kind: Kind
    sold_at: int
    booked_at: int
    business_date: date
    store: Store
    customer: CustomerVersion | None
    lines: tuple[Line, ...]
    refers_to: str | None = None
    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """Lines of a receipt as they are from `since` until `until` (epoch seconds; None: without end).

    `previous_date` is the receipt's earlier business date, if that was corrected.
    """

    receipt: Receipt
    since: int
    until: int | None
    sold_at: int
    business_date: date
    customer: CustomerVersion | None
    lines: tuple[Line, ...]
    previous_date: date | None = None


def _first(receipt: Receipt, lines: tuple[Line, ...], until: int | None) -> Entry:
    return Entry(receipt, receipt.booked_at, until, receipt.sold_at, receipt.business_date, receipt.customer, lines)


def _corrected(receipt: Receipt, correction: Correction, lines: tuple[Line, ...]) -> Entry:
    moved = correction.business_date != receipt.business_date
    return Entry(
        receipt, correction.at, None, correction.sold_at, correction.business_date, correction.customer, lines,
        receipt.business_date if moved else None,
    )  # fmt: skip


def receipt_entries(receipt: Receipt) -> list[Entry]:
    """Entries for a database that stores states of receipts: correcting one line makes a new state of all lines."""
    correction = receipt.correction
    if correction is None:
        return [_first(receipt, receipt.lines, None)]
    return [_first(receipt, receipt.lines, correction.at), _corrected(receipt, correction, correction.lines)]


def line_entries(receipt: Receipt) -> list[Entry]:
    """Entries for a database that stores states of lines: a correction leaves the receipt's other lines unchanged."""
    correction = receipt.correction
    if correction is None or correction.touched is None:
        return receipt_entries(receipt)
    touched = correction.touched
    kept = tuple(line for line in receipt.lines if line.number not in touched)
    before = tuple(line for line in receipt.lines if line.number in touched)
    after = tuple(line for line in correction.lines if line.number in touched)
    entries = [_first(receipt, before, correction.at), _corrected(receipt, correction, after)]
    return [_first(receipt, kept, None), *entries] if kept else entries
