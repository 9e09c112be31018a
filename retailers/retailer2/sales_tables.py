"""How retailer 2's database stores sales: orders with lines, one row per state of an order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from pathlib import Path

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from retailers.archive.copying import NULL, CopyInto, escaped
from retailers.retailer2.market import MARKET
from retailers.seeding.online_retail_csv import ReplayedRow
from retailers.seeding.receipts import Entry, Kind, Receipt, receipt_entries
from retailers.seeding.sales import SalesGenerator

KINDS = {Kind.SALE: 1, Kind.RETURN: 2, Kind.ADJUSTMENT: 3}
_ORDERS = (
    "order_pk", "order_ref", "kind", "trading_day", "placed_at", "modified_at", "superseded_at", "previous_day",
    "withdrawn", "shop_id", "buyer_state", "currency", "exponent", "refunded_ref",
)  # fmt: skip
_LINES = (
    "order_pk", "position", "line_ref", "entry_id", "quantity", "unit_amount", "amount", "withdrawn", "repeated",
)  # fmt: skip
_BUYERS = ("buyer_state", "buyer_ref", "full_name", "tier", "town", "country", "since_epoch")
_CATALOGUE = ("entry_id", "code", "title", "category")


def day_number(day: date) -> int:
    """A date as this database stores it, 20240115."""
    return day.year * 10_000 + day.month * 100 + day.day


class OrderTables:
    """The tables of retailer 2. See `retailers.archive.archive.SalesTables`."""

    folder = Path(__file__).parent / "database"
    names = ("shops", "catalogue", "buyers", "orders", "order_lines")

    def entries(self, receipt: Receipt) -> list[Entry]:
        """An order has states as a unit, with all its lines."""
        return receipt_entries(receipt)

    def write_masters(self, cursor: Cursor, generator: SalesGenerator) -> None:
        """Write shops, catalogue and buyers."""
        shops = CopyInto(cursor, "shops", ("shop_id", "title", "town"))
        for store in MARKET.stores:
            shops.add(f"{store.code}\t{store.name}\t{store.city or NULL}")
        shops.flush()
        catalogue = CopyInto(cursor, "catalogue", _CATALOGUE)
        for product in generator.catalogue.products:
            for named in product.names:
                catalogue.add(f"{named.entry}\t{named.code}\t{named.name}\t{named.category}")
        catalogue.flush()
        buyers = CopyInto(cursor, "buyers", _BUYERS)
        for customer in generator.customers.customers:
            for state in customer:
                town = MARKET.cities[state.city][0]
                buyers.add(
                    f"{state.row}\t{state.code}\t{state.name}\t{state.segment}\t{town}\t{MARKET.country}\t{state.since}"
                )
        buyers.flush()

    def write_entries(self, cursor: Cursor, entries: Iterable[Entry]) -> None:
        """Add states of orders."""
        orders, lines = CopyInto(cursor, "orders", _ORDERS), CopyInto(cursor, "order_lines", _LINES)
        for key, entry in enumerate(entries, _last_order(cursor) + 1):
            receipt = entry.receipt
            withdrawn = all(line.withdrawn for line in entry.lines)
            orders.add(
                f"{key}\t{receipt.number}\t{KINDS[receipt.kind]}\t{day_number(entry.business_date)}\t{entry.sold_at}"
                f"\t{entry.since}\t{NULL if entry.until is None else entry.until}"
                f"\t{day_number(entry.previous_date) if entry.previous_date else NULL}\t{withdrawn}"
                f"\t{receipt.store.code}\t{entry.customer.row if entry.customer else NULL}"
                f"\t{MARKET.currency}\t2\t{receipt.refers_to or NULL}"
            )
            for line in entry.lines:
                lines.add(
                    f"{key}\t{line.number}\t{line.number}\t{line.product.entry}\t{line.quantity}\t{line.price}"
                    f"\t{line.quantity * line.price}\t{line.withdrawn}\tf"
                )
            if lines.is_full:
                orders.flush()
                lines.flush()
        orders.flush()
        lines.flush()

    def write_replay(self, cursor: Cursor, rows: Iterable[ReplayedRow], currency: str) -> None:
        """Add the rows of a CSV as orders, one for each invoice and minute."""
        cursor.execute("INSERT INTO shops (shop_id, title) VALUES ('ONLINE', 'Online store')")
        masters = _ReplayMasters(CopyInto(cursor, "catalogue", _CATALOGUE), CopyInto(cursor, "buyers", _BUYERS))
        orders, lines = CopyInto(cursor, "orders", _ORDERS), CopyInto(cursor, "order_lines", _LINES)
        for key, group in enumerate(_orders(rows), _last_order(cursor) + 1):
            first = group[0]
            exponent = max(row.price.exponent for row in group)
            placed = first.minute.epoch
            orders.add(
                f"{key}\t{escaped(first.invoice)}\t{KINDS[first.kind]}\t{day_number(first.minute.date)}\t{placed}"
                f"\t{placed}\t\\N\t\\N\tf\tONLINE\t{masters.buyer(first)}\t{currency}\t{exponent}\t\\N"
            )
            for position, row in enumerate(group, 1):
                lines.add(
                    f"{key}\t{position}\t\\N\t{masters.entry(row)}\t{row.quantity}\t{int(row.price.amount.scaleb(exponent))}"
                    f"\t{int(row.amount.scaleb(exponent))}\tf\t{row.repeated}"
                )
            if lines.is_full:
                for table in (masters.catalogue, masters.buyers, orders, lines):
                    table.flush()
        for table in (masters.catalogue, masters.buyers, orders, lines):
            table.flush()


@dataclass
class _ReplayMasters:
    """The master data that the rows of a CSV refer to, each written when it first occurs."""

    catalogue: CopyInto
    buyers: CopyInto
    _entries: dict[tuple[str, str | None], int] = field(default_factory=dict)
    _buyers: dict[tuple[str, str], int] = field(default_factory=dict)

    def entry(self, row: ReplayedRow) -> int:
        key = (row.product, row.description)
        if key not in self._entries:
            self._entries[key] = len(self._entries) + 1
            self.catalogue.add(f"{self._entries[key]}\t{escaped(row.product)}\t{escaped(row.description)}\t\\N")
        return self._entries[key]

    def buyer(self, row: ReplayedRow) -> int | str:
        if row.customer is None:
            return NULL
        key = (row.customer, row.country)
        if key not in self._buyers:
            self._buyers[key] = len(self._buyers) + 1
            self.buyers.add(f"{self._buyers[key]}\t{escaped(row.customer)}\t\\N\t\\N\t\\N\t{escaped(row.country)}\t\\N")
        return self._buyers[key]


def _orders(rows: Iterable[ReplayedRow]) -> Iterator[list[ReplayedRow]]:
    """The rows of each day with the same invoice, minute, kind and customer, in the order of their first rows."""
    for _, day in groupby(rows, key=lambda row: row.minute.date):
        orders: dict[object, list[ReplayedRow]] = {}
        for row in day:
            key = (row.invoice, row.minute.epoch, row.kind, row.customer, row.country)
            orders.setdefault(key, []).append(row)
        yield from orders.values()


def _last_order(cursor: Cursor) -> int:
    cursor.execute("SELECT coalesce(max(order_pk), 0) FROM orders")
    return int((cursor.fetchone() or (0,))[0])
