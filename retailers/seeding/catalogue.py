"""The products of a retailer, with all their past and future names and prices."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from retailers.seeding.market import Department, Market
from retailers.seeding.randomness import Draw, quantised, stream

HORIZON = date(2040, 1, 1)
"""Names and prices change until this date, and stay the same after it."""

_START = date(2022, 1, 1)


@dataclass(frozen=True, slots=True)
class NamedProduct:
    """A product under one of its names. `entry` numbers them from 1 over the complete catalogue."""

    entry: int
    code: str
    name: str
    category: str
    since: date


@dataclass(frozen=True, slots=True)
class Product:
    """A product: its names in order of `since`, and its prices (minor units) in order of their first day."""

    code: str
    department: int
    names: tuple[NamedProduct, ...]
    price_days: tuple[date, ...]
    prices: tuple[int, ...]

    def name_on(self, day: date) -> NamedProduct:
        """The name it is sold under on a day."""
        found = self.names[0]
        for named in self.names[1:]:
            if named.since > day:
                break
            found = named
        return found

    def price_on(self, day: date) -> int:
        """The unit price on a day, in minor units."""
        return self.prices[max(0, bisect_right(self.price_days, day) - 1)]


def _steps(draw: Draw, shortest: int, longest: int) -> list[date]:
    """Dates from the start to the horizon, at intervals of `shortest` to `longest` days."""
    days = []
    day = _START + timedelta(days=int(draw() * longest))
    while day < HORIZON:
        days.append(day)
        day += timedelta(days=shortest + int(draw() * (longest - shortest)))
    return days


def _retail_price(minor: float) -> int:
    """A price as shops write it: it ends in 9 or 5, below ten units, else in 99, 50 or 00."""
    if minor < 1000:
        return max(19, int(minor) // 10 * 10 + (9 if int(minor) % 2 else 5))
    return int(minor) // 100 * 100 + (99, 50, 0)[int(minor) % 3]


class Catalogue:
    """All products of a market for a seed."""

    def __init__(self, market: Market, seed: int) -> None:
        self._market = market
        self._entries = 0
        self.products: tuple[Product, ...] = tuple(
            self._product(seed, number, department)
            for department in range(len(market.departments))
            for number in range(market.products_per_department)
        )
        draw = stream(seed, market.retailer_id, "popularity")
        ranks = sorted(range(len(self.products)), key=lambda index: (draw(), index))
        self._weight = [0.0] * len(self.products)
        for rank, index in enumerate(ranks):
            # A few products sell a lot, most sell a little.
            self._weight[index] = 1 / (rank + 6)

    def _product(self, seed: int, number: int, index: int) -> Product:
        market = self._market
        department = market.departments[index]
        code = market.product_code.format(10_000 + index * 1000 + number)
        draw = stream(seed, market.retailer_id, "product", code)
        names = tuple(
            self._named(code, self._words(draw, department, number), department.name, since)
            for since in [_START, *_steps(draw, 350, 1500)]
        )
        price = department.cheapest + (department.dearest - department.cheapest) * draw() * draw()
        price_days = [_START, *_steps(draw, 45, 260)]
        prices = [_retail_price(price)]
        for _ in price_days[1:]:
            # Slow inflation with special offers in between; prices stay near the first one.
            price *= 0.93 + 0.15 * draw()
            prices.append(_retail_price(price))
        return Product(code, index, names, tuple(price_days), tuple(prices))

    def _words(self, draw: Draw, department: Department, number: int) -> str:
        adjectives = self._market.adjectives
        noun = department.nouns[number % len(department.nouns)]
        return self._market.product_pattern.format(adjective=adjectives[int(draw() * len(adjectives))], noun=noun)

    def _named(self, code: str, name: str, category: str, since: date) -> NamedProduct:
        self._entries += 1
        return NamedProduct(self._entries, code, name, category, since)

    @lru_cache(maxsize=12)  # noqa: B019 - a catalogue lives as long as its process
    def popularity(self, month: int) -> tuple[int, ...]:
        """A table of product indexes in proportion to how well they sell in that month."""
        departments = self._market.departments
        return quantised(
            [
                weight * (2.5 if month in departments[product.department].strong_months else 1.0)
                for weight, product in zip(self._weight, self.products, strict=True)
            ]
        )
