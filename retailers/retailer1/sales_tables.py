"""How retailer 1's database stores sales: one wide row per state of a line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from retailers.archive.copying import NULL, CopyInto, escaped, money
from retailers.retailer1.market import MARKET
from retailers.seeding.customers import CustomerVersion
from retailers.seeding.market import Store
from retailers.seeding.online_retail_csv import ReplayedRow
from retailers.seeding.receipts import PLACES, Entry, Kind, Receipt, line_entries
from retailers.seeding.rhythm import utc
from retailers.seeding.sales import SalesGenerator

_COLUMNS = (
    "sale_date", "sold_at", "sale_id", "txn_type", "booked_from", "booked_until", "previous_date", "original_sale_id",
    "store_code", "store_name", "store_city", "store_state",
    "customer_no", "customer_name", "customer_segment", "customer_city", "customer_state", "customer_country",
    "customer_updated_at",
    "line_no", "place", "withdrawn", "repeated", "sku", "product_name", "department",
    "qty", "unit_price", "line_total", "currency",
)  # fmt: skip
TXN_TYPES = {Kind.SALE: "SALE", Kind.RETURN: "RETURN", Kind.ADJUSTMENT: "ADJUST"}
_GUEST = "\t".join([NULL] * 7)


class PosSales:
    """The tables of retailer 1. See `retailers.archive.archive.SalesTables`."""

    folder = Path(__file__).parent / "database"
    names = ("pos_sales",)

    def __init__(self) -> None:
        self._customers: dict[int, str] = {}

    def entries(self, receipt: Receipt) -> list[Entry]:
        """Each line has its own states."""
        return line_entries(receipt)

    def write_masters(self, cursor: Cursor, generator: SalesGenerator) -> None:
        """Nothing to write: every row contains all its data."""

    def write_entries(self, cursor: Cursor, entries: Iterable[Entry]) -> None:
        """Add states of receipts."""
        copy = CopyInto(cursor, "pos_sales", _COLUMNS)
        for entry in entries:
            head = self._head(entry)
            place = entry.receipt.rank * PLACES
            sign = -1 if entry.receipt.kind is Kind.RETURN else 1
            for line in entry.lines:
                quantity, product = sign * line.quantity, line.product
                copy.add(
                    f"{head}\t{line.number}\t{place + line.number}\t{line.withdrawn}\tf"
                    f"\t{product.code}\t{product.name}\t{product.category}"
                    f"\t{quantity}\t{money(line.price)}\t{money(quantity * line.price)}\t{MARKET.currency}"
                )
            if copy.is_full:
                copy.flush()
        copy.flush()

    def write_replay(self, cursor: Cursor, rows: Iterable[ReplayedRow], currency: str) -> None:
        """Add the rows of a CSV as sales."""
        copy = CopyInto(cursor, "pos_sales", _COLUMNS)
        for number, row in enumerate(rows):
            quantity = -row.quantity if row.kind is Kind.RETURN else row.quantity
            customer = (
                f"{escaped(row.customer)}\t\\N\t\\N\t\\N\t\\N\t{escaped(row.country)}\t\\N" if row.customer else _GUEST
            )
            copy.add(
                f"{row.minute.day}\t{row.minute.text}\t{escaped(row.invoice)}\t{TXN_TYPES[row.kind]}\t{row.minute.text}"
                f"\t\\N\t\\N\t\\N\tONLINE\tOnline store\t\\N\t\\N\t{customer}\t\\N\t{number}\tf\t{row.repeated}"
                f"\t{escaped(row.product)}\t{escaped(row.description)}\t\\N"
                f"\t{quantity}\t{row.price.text}\t{row.amount_text}\t{currency}"
            )
            if copy.is_full:
                copy.flush()
        copy.flush()

    def _head(self, entry: Entry) -> str:
        receipt = entry.receipt
        until = NULL if entry.until is None else utc(entry.until)
        return (
            f"{entry.business_date}\t{utc(entry.sold_at)}\t{receipt.number}\t{TXN_TYPES[receipt.kind]}\t{utc(entry.since)}"
            f"\t{until}\t{entry.previous_date or NULL}\t{receipt.refers_to or NULL}\t{_store(receipt.store)}"
            f"\t{_GUEST if entry.customer is None else self._customer(entry.customer)}"
        )

    def _customer(self, version: CustomerVersion) -> str:
        text = self._customers.get(version.row)
        if text is None:
            city, state = MARKET.cities[version.city]
            text = "\t".join((
                version.code, version.name, version.segment, city, state, MARKET.country, str(utc(version.since))
            ))  # fmt: skip
            self._customers[version.row] = text
        return text


def _store(store: Store) -> str:
    return f"{store.code}\t{store.name}\t{store.city or NULL}\t{store.region or NULL}"
