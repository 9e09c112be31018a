"""Generates sales: a pure function of market, seed, size and date.

A day is generated in blocks of receipts, each from its own stream of random numbers and its own slice of the day. So a
day of any size is generated in order of time with little memory, and a return can look up the sale it refers to by
generating one block again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate

from retailers.seeding.catalogue import Catalogue, NamedProduct
from retailers.seeding.corrections import FATE_SHARE, dated_right, with_later_fate
from retailers.seeding.customers import CustomerBase, CustomerVersion, pool_size, version_at
from retailers.seeding.market import Market, Store
from retailers.seeding.randomness import Draw, quantised, stream
from retailers.seeding.receipts import Kind, Line, Receipt
from retailers.seeding.rhythm import FIRST_DAY, epoch_at, receipts_on, second_of_day

BLOCK = 64
MISDATED_RANK = 10_000_000
"""Misdated receipts come after all others of the same second."""

_SLOTS = 4096
_RETURN_SHARE, _ADJUSTMENT_SHARE = 0.055, 0.004
_REFERRING_SHARE = 0.6
_MISDATED_SHARE = 0.001
_TWICE_SHARE = 0.02
_LINES = quantised((30, 25, 17, 11, 7, 4, 3, 2, 1), _SLOTS)
_QUANTITIES = quantised((56, 22, 9, 5, 2, 3, 0, 0, 0, 1, 0, 2), _SLOTS)


@dataclass(frozen=True, slots=True)
class _Day:
    """What all receipts of a day share: products by index with their names, prices, and popularity."""

    date: date
    receipts: int
    midnight: int
    names: tuple[NamedProduct, ...]
    prices: tuple[int, ...]
    popularity: tuple[int, ...]


class SalesGenerator:
    """Generates all sales of one retailer, past and future."""

    def __init__(self, market: Market, seed: int, lines_per_day: int) -> None:
        self.market = market
        self.catalogue = Catalogue(market, seed)
        self.customers = CustomerBase(market, seed, pool_size(lines_per_day))
        self._seed, self.lines_per_day = seed, lines_per_day
        self._store_edges = list(accumulate(store.weight for store in market.stores))
        self._stores_in: dict[str | None, Store] = {store.city: store for store in reversed(market.stores)}

    def receipts(self, day: date) -> Iterator[Receipt]:
        """The receipts of that business date that are not misdated, in order of time; 2.7 lines each on average."""
        for block in range(-(-self._day(day).receipts // BLOCK)):
            yield from self._block(day, block, resolve=True)

    def misdated(self, day: date) -> Iterator[Receipt]:
        """Receipts that belong to that date but were entered under the next one, until a correction moves them."""
        draw = stream(self._seed, self.market.retailer_id, "misdated", day.isoformat())
        today = self._day(day)
        wanted = today.receipts * _MISDATED_SHARE
        count = int(wanted) + (draw() < wanted % 1)
        for number in range(count):
            right = today.midnight + 20 * 3600 + int(draw() * 7200)
            wrong_day = day + timedelta(days=1)
            wrong = epoch_at(self.market, wrong_day, 7 * 3600 + int(draw() * 1800))
            code = self._code(wrong_day, f"M{number + 1:05d}")
            receipt = self._receipt(today, draw, (code, MISDATED_RANK + number), Kind.SALE, right, day)
            booked_at = receipt.booked_at + wrong - right
            misdated = replace(receipt, sold_at=wrong, booked_at=booked_at, business_date=wrong_day)
            yield dated_right(misdated, self.market, draw, right, day)

    @lru_cache(maxsize=40)  # noqa: B019 - a generator lives as long as its process
    def _day(self, day: date) -> _Day:
        products = self.catalogue.products
        return _Day(
            day,
            receipts_on(self.market, self._seed, day, self.lines_per_day),
            epoch_at(self.market, day, 0),
            tuple(product.name_on(day) for product in products),
            tuple(product.price_on(day) for product in products),
            self.catalogue.popularity(day.month),
        )

    def _block(self, day: date, block: int, *, resolve: bool) -> list[Receipt]:
        """The receipts of one block. Without `resolve`, returns refer to nothing; sales are the same either way."""
        today = self._day(day)
        first = block * BLOCK
        size = min(BLOCK, today.receipts - first)
        draw = stream(self._seed, self.market.retailer_id, "sales", day.isoformat(), block)
        seconds = sorted(second_of_day((first + size * draw()) / today.receipts) for _ in range(size))
        made = []
        prefix = self._code(day, "")
        for number, second in enumerate(seconds, first + 1):
            share, fate, reference = draw(), draw(), draw()
            kind = Kind.SALE
            if share < _RETURN_SHARE:
                kind = Kind.RETURN
            elif share < _RETURN_SHARE + _ADJUSTMENT_SHARE:
                kind = Kind.ADJUSTMENT
            code = f"{prefix}{number:06d}"
            receipt = self._receipt(today, draw, (code, number), kind, today.midnight + second, day)
            other = self._customer(draw, receipt.sold_at)
            # What follows has its own stream, so it may draw any number of values.
            if fate < FATE_SHARE or (kind is Kind.RETURN and resolve):
                own = stream(self._seed, self.market.retailer_id, "fate", code)
                if kind is Kind.RETURN and resolve and reference < _REFERRING_SHARE:
                    receipt = self._referring(receipt, own)
                receipt = with_later_fate(receipt, self.market, own, fate, other)
            made.append(receipt)
        return made

    def _code(self, day: date, number: str) -> str:
        return self.market.receipt_code.format(day=f"{day:%y%m%d}", number=number)

    def _customer(self, draw: Draw, epoch: int) -> CustomerVersion | None:
        """Some customers come often, most rarely."""
        customers = self.customers.customers
        share = draw()
        return version_at(customers[int(share * share * len(customers))], epoch)

    def _store(self, draw: Draw, customer: CustomerVersion | None) -> Store:
        share = draw()
        if customer is not None and share < 0.7:
            near = self._stores_in.get(self.market.cities[customer.city][0])
            if near is not None:
                return near
        edges = self._store_edges
        return self.market.stores[bisect_right(edges, draw() * edges[-1] * 0.999_999)]

    def _receipt(self, today: _Day, draw: Draw, code: tuple[str, int], kind: Kind, sold_at: int, day: date) -> Receipt:
        customer = None if draw() < self.market.guest_share else self._customer(draw, sold_at)
        store = self._store(draw, customer)
        if kind is Kind.ADJUSTMENT:
            customer, lines = None, self._adjustment(today, draw)
        else:
            count = 1 + _LINES[int(draw() * _SLOTS)]
            lines = self._lines(today, draw, min(count, 2) if kind is Kind.RETURN else count)
        delay = int(draw() * self.market.posting_delay)
        return Receipt(*code, kind, sold_at, sold_at + delay, day, store, customer, lines)

    def _lines(self, today: _Day, draw: Draw, count: int) -> tuple[Line, ...]:
        names, prices, popularity = today.names, today.prices, today.popularity
        lines = []
        for number in range(1, count + 1):
            index = popularity[int(draw() * _SLOTS)]
            lines.append(Line(number, names[index], 1 + _QUANTITIES[int(draw() * _SLOTS)], prices[index]))
        if draw() < _TWICE_SHARE:
            # The till scanned the product twice, sometimes with the same quantity.
            lines.append(lines[0]._replace(number=count + 1, quantity=1 + int(draw() * 2)))
        return tuple(lines)

    def _adjustment(self, today: _Day, draw: Draw) -> tuple[Line, ...]:
        """Goods written off (negative quantity) or money refunded (negative price)."""
        index = today.popularity[int(draw() * _SLOTS)]
        if draw() < 0.5:
            return (Line(1, today.names[index], -1 - int(draw() * 6), today.prices[index]),)
        return (Line(1, today.names[index], 1, -100 - int(draw() * 900)),)

    def _referring(self, receipt: Receipt, draw: Draw) -> Receipt:
        """The return of one line of a sale of the last two weeks: its customer, store, product and price."""
        day = receipt.business_date - timedelta(days=1 + int(draw() * 14))
        if day < FIRST_DAY:
            return receipt
        sales = self._sales(day, int(draw() * min(2, -(-self._day(day).receipts // BLOCK))))
        if not sales:
            return receipt
        sale = sales[int(draw() * len(sales))]
        bought = sale.lines[int(draw() * len(sale.lines))]
        line = bought._replace(number=1, quantity=1 + int(draw() * bought.quantity), product=self._now(receipt, bought))
        customer = None
        if sale.customer is not None:
            customer = version_at(self.customers.customers[sale.customer.number], receipt.sold_at)
        return Receipt(
            receipt.number, receipt.rank, Kind.RETURN, receipt.sold_at, receipt.booked_at, receipt.business_date,
            sale.store, customer, (line,), refers_to=sale.number,
        )  # fmt: skip

    def _now(self, receipt: Receipt, bought: Line) -> NamedProduct:
        """The product with its current name."""
        for named in self._day(receipt.business_date).names:
            if named.code == bought.product.code:
                return named
        return bought.product

    @lru_cache(maxsize=64)  # noqa: B019 - a generator lives as long as its process
    def _sales(self, day: date, block: int) -> tuple[Receipt, ...]:
        return tuple(r for r in self._block(day, block, resolve=False) if r.kind is Kind.SALE)
