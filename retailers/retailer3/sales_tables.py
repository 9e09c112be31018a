"""How retailer 3's database stores sales: till entries that refer to histories of articles and customers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from retailers.archive.copying import NULL, CopyInto, escaped, money
from retailers.retailer3.market import MARKET
from retailers.seeding.online_retail_csv import ReplayedRow
from retailers.seeding.receipts import PLACES, Entry, Kind, Receipt, line_entries
from retailers.seeding.rhythm import utc
from retailers.seeding.sales import SalesGenerator

TIPOS = {Kind.SALE: "V", Kind.RETURN: "D", Kind.ADJUSTMENT: "A"}
_ASIENTOS = (
    "fecha_negocio", "fecha_hora", "ticket", "tipo", "vigente_desde", "vigente_hasta", "fecha_anterior",
    "ticket_original", "cod_tienda", "id_cliente",
    "linea", "orden", "anulado", "repetido", "id_articulo", "cantidad", "precio", "importe", "moneda",
)  # fmt: skip
_ARTICULOS = ("id_articulo", "ref", "nombre", "familia")
_CLIENTES = ("id_estado", "codigo", "nombre", "segmento", "ciudad", "pais", "desde")


class Asientos:
    """The tables of retailer 3. See `retailers.archive.archive.SalesTables`."""

    folder = Path(__file__).parent / "database"
    names = ("tiendas", "articulos", "clientes_historial", "asientos")

    def entries(self, receipt: Receipt) -> list[Entry]:
        """Each line has its own states."""
        return line_entries(receipt)

    def write_masters(self, cursor: Cursor, generator: SalesGenerator) -> None:
        """Write shops, articles and customers."""
        shops = CopyInto(cursor, "tiendas", ("codigo", "nombre", "ciudad"))
        for store in MARKET.stores:
            shops.add(f"{store.code}\t{store.name}\t{store.city or NULL}")
        shops.flush()
        articles = CopyInto(cursor, "articulos", _ARTICULOS)
        for product in generator.catalogue.products:
            for named in product.names:
                articles.add(f"{named.entry}\t{named.code}\t{named.name}\t{named.category}")
        articles.flush()
        customers = CopyInto(cursor, "clientes_historial", _CLIENTES)
        for customer in generator.customers.customers:
            for state in customer:
                customers.add(
                    f"{state.row}\t{state.code}\t{state.name}\t{state.segment}\t{MARKET.cities[state.city][0]}"
                    f"\t{MARKET.country}\t{_local(state.since, MARKET.zone)}"
                )
        customers.flush()

    def write_entries(self, cursor: Cursor, entries: Iterable[Entry]) -> None:
        """Add states of receipts."""
        copy = CopyInto(cursor, "asientos", _ASIENTOS)
        for entry in entries:
            receipt = entry.receipt
            place = receipt.rank * PLACES
            sign = -1 if receipt.kind is Kind.RETURN else 1
            head = (
                f"{entry.business_date}\t{_local(entry.sold_at, MARKET.zone)}\t{receipt.number}\t{TIPOS[receipt.kind]}"
                f"\t{utc(entry.since)}\t{NULL if entry.until is None else utc(entry.until)}"
                f"\t{entry.previous_date or NULL}\t{receipt.refers_to or NULL}\t{receipt.store.code}"
                f"\t{entry.customer.row if entry.customer else NULL}"
            )
            for line in entry.lines:
                copy.add(
                    f"{head}\t{line.number}\t{place + line.number}\t{line.withdrawn}\tf"
                    f"\t{line.product.entry}\t{line.quantity}"
                    f"\t{money(line.price)}\t{money(sign * line.quantity * line.price)}\t{MARKET.currency}"
                )
            if copy.is_full:
                copy.flush()
        copy.flush()

    def write_replay(self, cursor: Cursor, rows: Iterable[ReplayedRow], currency: str) -> None:
        """Add the rows of a CSV as sales."""
        cursor.execute("INSERT INTO tiendas (codigo, nombre) VALUES ('ONLINE', 'Online store')")
        articles = CopyInto(cursor, "articulos", _ARTICULOS)
        customers = CopyInto(cursor, "clientes_historial", _CLIENTES)
        copy = CopyInto(cursor, "asientos", _ASIENTOS)
        known_articles: dict[tuple[str, str], int] = {}
        customer_keys: dict[tuple[str, str], int] = {}
        for number, row in enumerate(rows):
            article = (row.product, row.description or "")
            if article not in known_articles:
                known_articles[article] = len(known_articles) + 1
                articles.add(f"{known_articles[article]}\t{escaped(article[0])}\t{escaped(article[1])}\t\\N")
            customer = NULL if row.customer is None else _customer(customers, customer_keys, row)
            copy.add(
                f"{row.minute.day}\t{row.minute.local}\t{escaped(row.invoice)}\t{TIPOS[row.kind]}"
                f"\t{row.minute.text}\t\\N\t\\N\t\\N\tONLINE\t{customer}\t\\N\t{number}\tf\t{row.repeated}\t{known_articles[article]}"
                f"\t{row.quantity}\t{row.price.text}\t{row.amount_text}\t{currency}"
            )
            if copy.is_full:
                for table in (articles, customers, copy):
                    table.flush()
        for table in (articles, customers, copy):
            table.flush()


def _customer(table: CopyInto, known: dict[tuple[str, str], int], row: ReplayedRow) -> str:
    key = (row.customer or "", row.country)
    if key not in known:
        known[key] = len(known) + 1
        table.add(f"{known[key]}\t{escaped(row.customer)}\t\\N\t\\N\t\\N\t{escaped(row.country)}\t\\N")
    return str(known[key])


def _local(epoch: int, zone: ZoneInfo) -> datetime:
    """Local time in a zone, to the minute."""
    return utc(epoch).astimezone(zone).replace(tzinfo=None, second=0)
