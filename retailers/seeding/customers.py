"""Customers who return, move to another city and change segment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from retailers.seeding.market import Market
from retailers.seeding.randomness import stream

_DAY = 86_400
_FIRST_REGISTRATION = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp())
_REGISTRATION_DAYS = 1400
_HORIZON = int(datetime(2040, 1, 1, tzinfo=UTC).timestamp())
_SHORTEST, _LONGEST = 120, 900
_MOVE_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class CustomerVersion:
    """A customer from `since` (epoch seconds, at a full minute) to the next version.

    `row` numbers the versions of all customers, from 1; `number` the customers, from 0.
    """

    row: int
    number: int
    code: str
    name: str
    segment: str
    city: int
    since: int


Customer = tuple[CustomerVersion, ...]


def pool_size(lines_per_day: int) -> int:
    """The number of customers of a retailer of that size."""
    return min(50_000, max(400, lines_per_day * 3 // 2))


class CustomerBase:
    """All customers of a market for a seed, with every version up to 2040."""

    def __init__(self, market: Market, seed: int, size: int) -> None:
        self._market = market
        self._rows = 0
        self.customers: tuple[Customer, ...] = tuple(self._customer(seed, number) for number in range(size))

    def _customer(self, seed: int, number: int) -> Customer:
        market = self._market
        draw = stream(seed, market.retailer_id, "customer", number)
        code = market.customer_code.format(number + 1)
        first, last = market.first_names, market.last_names
        name = f"{first[int(draw() * len(first))]} {last[int(draw() * len(last))]}"
        segment, city = int(draw() * draw() * len(market.segments)), int(draw() * len(market.cities))
        since = _by_day(_FIRST_REGISTRATION + int(draw() * _REGISTRATION_DAYS) * _DAY, draw())
        versions = []
        while since < _HORIZON:
            self._rows += 1
            versions.append(CustomerVersion(self._rows, number, code, name, market.segments[segment], city, since))
            if draw() < _MOVE_SHARE:
                city = (city + 1 + int(draw() * (len(market.cities) - 1))) % len(market.cities)
            else:
                segment = (segment + 1 + int(draw() * (len(market.segments) - 1))) % len(market.segments)
            later = since + int(_SHORTEST + draw() * (_LONGEST - _SHORTEST)) * _DAY
            since = _by_day(later, draw())
        return tuple(versions)


def _by_day(epoch: int, share: float) -> int:
    """A full minute from 07:00 to 19:59 UTC of that day, when none of the time zones changes its clocks."""
    return epoch - epoch % _DAY + (7 * 60 + int(share * 13 * 60)) * 60


def version_at(customer: Customer, epoch: int) -> CustomerVersion | None:
    """The customer as they were at that time; None when they had not registered yet."""
    found = None
    for version in customer:
        if version.since > epoch:
            break
        found = version
    return found
