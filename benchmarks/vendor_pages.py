"""Generates pages as the three retailers' APIs send them, and measures how fast they become lines of the raw zone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from ingestion.connectors.protocol import RawPage
from ingestion.landing.listing import reading_listing
from ingestion.landing.verify import Totals
from ingestion.mapping.workspace import workspace
from ingestion.prefetch import reduced_gc
from shared.config import IngestSettings
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import guest_row_1, line_2, row_1, row_3

RETAILERS = ("retailer_1", "retailer_2", "retailer_3")
PAGE_LINES = 1000
PRODUCTS, CUSTOMERS = 2000, 5000
_OPENING = time(14, tzinfo=UTC)
_TRADING_SECONDS = 20_000
_ZONES = {1: "America/New_York", 2: "Europe/London", 3: "Europe/Madrid"}
_MOVES_EVERY = 200
"""One customer in so many has a new address from the start of the day on: a new version in the history."""


@dataclass(frozen=True)
class _Receipt:
    number: int
    at: datetime
    customer: int | None
    items: tuple[tuple[int, int, int], ...]
    """Product, quantity, cents."""

    @property
    def has_moved(self) -> bool:
        """Whether the customer's address is a new one of this day."""
        return ((self.customer or 0) + self.at.toordinal()) % _MOVES_EVERY == 0

    @property
    def town(self) -> str:
        """Where the customer lives, since `known_since`."""
        return f"Town {self.at:%y%m%d}" if self.has_moved else "Boston"

    @property
    def known_since(self) -> datetime:
        """Since when the customer's attributes are as they are."""
        return datetime.combine(self.at, time(tzinfo=UTC)) if self.has_moved else datetime(2023, 9, 2, tzinfo=UTC)


def _receipts(lines: int, day: date) -> Iterator[_Receipt]:
    """Receipts like those of a real day, in order of time: some products and customers are far more frequent."""
    chance, made, number = random.Random(1), 0, 0  # noqa: S311 - made-up sales
    opening = datetime.combine(day, _OPENING)
    while made < lines:
        number += 1
        size = min(chance.choice([1, 1, 2, 2, 3, 4]), lines - made)
        sold_at = opening + timedelta(seconds=int(_TRADING_SECONDS * made / lines))
        customer = None if chance.random() < 0.3 else int(chance.paretovariate(0.8)) % CUSTOMERS
        products = [int(chance.paretovariate(0.7)) % PRODUCTS for _ in range(size)]
        items = tuple((each, chance.choice([1, 1, 1, 2, 2, 3, 5]), each * 37 % 5000 + 99) for each in products)
        made += size
        yield _Receipt(number, sold_at, customer, items)


def _rows_1(lines: int, day: date) -> Iterator[dict[str, Any]]:
    zone = ZoneInfo("America/New_York")
    for receipt in _receipts(lines, day):
        known = {
            "customer_no": f"C{receipt.customer or 0:06d}",
            "customer_name": f"Name {receipt.customer}",
            "customer_city": receipt.town,
            "customer_updated_at": receipt.known_since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for number, (product, quantity, cents) in enumerate(receipt.items, 1):
            yield (row_1 if receipt.customer is not None else guest_row_1)(
                sale_id=f"S{day:%y%m%d}-{receipt.number:06d}",
                line_no=number,
                sold_at=receipt.at.astimezone(zone).isoformat(),
                last_modified=(receipt.at + timedelta(seconds=receipt.number % 90)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                store_code=f"NY{receipt.number % 8:02d}",
                sku=f"SKU-{product:05d}",
                product_name=f"Product {product}",
                qty=quantity,
                unit_price=f"{cents / 100:.2f}",
                line_total=f"{cents * quantity / 100:.2f}",
                **(known if receipt.customer is not None else {}),
            )


def _orders_2(lines: int, day: date) -> Iterator[dict[str, Any]]:
    for receipt in _receipts(lines, day):
        seconds = int(receipt.at.timestamp())
        name = f"ORD-{day:%y%m%d}-{receipt.number:06d}"
        order: dict[str, Any] = line_2({"id": name, "placed_at": seconds, "modified_at": seconds})
        buyer = {
            **order["buyer"],
            "id": f"B{receipt.customer or 0:06d}",
            "name": f"N {receipt.customer}",
            "city": receipt.town,
            "since": int(receipt.known_since.timestamp()),
        }
        order["buyer"] = None if receipt.customer is None else buyer
        order["lines"] = [
            {
                "id": str(number),
                "product": {"code": f"P{product:05d}", "title": f"Product {product}", "category": "Home"},
                "quantity": quantity,
                "unit_amount": cents,
                "amount": cents * quantity,
                "deleted": False,
            }
            for number, (product, quantity, cents) in enumerate(receipt.items, 1)
        ]
        yield order


def _rows_3(lines: int, day: date) -> Iterator[dict[str, Any]]:
    def comma(cents: int) -> str:
        return f"{cents / 100:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")

    zone = ZoneInfo("Europe/Madrid")
    for receipt in _receipts(lines, day):
        local = receipt.at.astimezone(zone).strftime("%d/%m/%Y %H:%M")
        for number, (product, quantity, cents) in enumerate(receipt.items, 1):
            row: dict[str, Any] = row_3(
                ticket=f"T{day:%y%m%d}-{receipt.number:06d}",
                linea=number,
                fecha_hora=local,
                modificado=local,
                articulo={"ref": f"A-{product:05d}", "nombre": f"Artículo {product}", "familia": "Hogar"},
                cantidad=str(quantity),
                precio=comma(cents),
                importe=comma(cents * quantity),
            )
            row["cliente"] = (
                None
                if receipt.customer is None
                else {
                    **row["cliente"],
                    "codigo": f"K{receipt.customer:06d}",
                    "ciudad": receipt.town,
                    "desde": receipt.known_since.astimezone(zone).strftime("%d/%m/%Y %H:%M"),
                }
            )
            yield row


def _in_pages(rows: Sequence[Any], size: int, wrap: Callable[[Any], Any]) -> list[bytes]:
    return [orjson.dumps(wrap(rows[start : start + size])) for start in range(0, len(rows), size)]


def pages(number: int, lines: int, day: date) -> list[bytes]:
    """Bodies of the responses with which a retailer lists a day."""
    if number == 1:
        return _in_pages(list(_rows_1(lines, day)), PAGE_LINES, lambda rows: {"rows": rows})
    if number == 2:
        return _in_pages(list(_orders_2(lines, day)), PAGE_LINES // 2, lambda orders: {"data": orders})
    return _in_pages(list(_rows_3(lines, day)), PAGE_LINES, lambda rows: rows)


def _rows(number: int, body: bytes) -> list[Any]:
    value = orjson.loads(body)
    if number == 3:
        return value  # type: ignore[no-any-return]
    return value["rows" if number == 1 else "data"]  # type: ignore[no-any-return]


def read_pages(number: int, bodies: Sequence[bytes], day: date, write: Callable[[bytes], object]) -> Totals:
    """Convert bodies to lines of the raw zone with landing's code: parsed, mapped, serialised, counted."""
    mapping, memory_mb = retailer_mapping(number), IngestSettings().memory_mb
    with (
        reduced_gc(),
        workspace(memory_mb, threads=1) as connection,
        reading_listing(mapping, day, memory_mb, connection) as listing,
    ):
        for count, body in enumerate(bodies, 1):
            listing.add(RawPage(count, _rows(number, body), datetime.now(UTC)))
        totals, text = listing.complete()
        assert isinstance(text.body, Path)  # noqa: S101 - a listing is always in a file
        write(text.body.read_bytes())
    if totals.rejected:
        raise ValueError(f"the benchmark's own rows were rejected: {totals.reasons}")
    return totals
