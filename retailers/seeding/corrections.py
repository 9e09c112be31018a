"""What happens to a receipt after its day: it arrives late, is corrected, or is withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from retailers.seeding.customers import CustomerVersion
from retailers.seeding.market import Market
from retailers.seeding.randomness import Draw
from retailers.seeding.receipts import Correction, Kind, Line, Receipt
from retailers.seeding.rhythm import epoch_at

LATE_SHARE = 0.01
CORRECTED_SHARE = 0.01
FATE_SHARE = LATE_SHARE + CORRECTED_SHARE
"""Share of receipts that are entered or changed after their day."""

_OFFICE_OPENS, _OFFICE_HOURS = 8 * 3600, 11 * 3600


def _days_later(draw: Draw) -> int:
    """Mostly 1 to 3, rarely up to 10."""
    return 1 + int(draw() * 3) if draw() < 0.9 else 4 + int(draw() * 7)


def office_time(market: Market, draw: Draw, day: date) -> int:
    """Epoch seconds of a time in office hours, 1 to 10 days after a day."""
    return epoch_at(market, day + timedelta(days=_days_later(draw)), _OFFICE_OPENS + int(draw() * _OFFICE_HOURS))


def _with_line(lines: tuple[Line, ...], changed: Line) -> tuple[Line, ...]:
    return tuple(changed if line.number == changed.number else line for line in lines)


def _corrected(receipt: Receipt, draw: Draw, at: int, other: CustomerVersion | None) -> Receipt:
    lines, customer, touched = receipt.lines, receipt.customer, None
    line = lines[int(draw() * len(lines))]
    kind = draw()
    if kind < 0.2 and other is not None and other is not customer:
        customer = other
    elif 0.2 <= kind < 0.3:
        lines = tuple(each._replace(withdrawn=True) for each in lines)
    else:
        if kind < 0.6:
            line = line._replace(quantity=line.quantity + (1 if line.quantity != -1 else 2))
        elif kind < 0.88:
            line = line._replace(price=line.price + (1 if line.price > 0 else -1) * (5 + int(draw() * 95)))
        else:
            line = line._replace(withdrawn=True)
        lines, touched = _with_line(lines, line), frozenset((line.number,))
    correction = Correction(at, lines, touched, customer, receipt.sold_at, receipt.business_date)
    return replace(receipt, correction=correction)


def with_later_fate(
    receipt: Receipt, market: Market, draw: Draw, fate: float, other: CustomerVersion | None
) -> Receipt:
    """The receipt, late or corrected depending on `fate` (0 to below 1). `other` replaces a wrong customer."""
    if fate >= FATE_SHARE:
        return receipt
    at = office_time(market, draw, receipt.business_date)
    if fate < LATE_SHARE:
        return replace(receipt, booked_at=at)
    return _corrected(receipt, draw, at, None if receipt.kind is Kind.ADJUSTMENT else other)


def dated_right(receipt: Receipt, market: Market, draw: Draw, sold_at: int, day: date) -> Receipt:
    """A receipt that was entered under a wrong date and later moves to the day it belongs to."""
    at = office_time(market, draw, receipt.business_date)
    return replace(receipt, correction=Correction(at, receipt.lines, None, receipt.customer, sold_at, day))
