"""Orders and refunds of three vendors, to the cent, as docs/CONTRACT.md works them out."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from ingestion.mapping.json_rows import JsonReader
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.map_json import map_json
from ingestion.mapping.single_rows import landed_records
from ingestion.models.retailer_data import SalesRecord
from tests.unit.ingestion.mapping.vendor_orders import (
    FLAT_RATE,
    SHOPIFY,
    STRIPE,
    WOO_727,
    WOOCOMMERCE,
    shopify_order,
    woo_line,
    woo_order,
)


class Mapped:
    """What becomes of orders: records, and the code of each rejected line."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, mapping: SourceMapping, *orders: Any) -> None:
        reader = JsonReader(mapping)
        connection.execute("DROP TABLE IF EXISTS rejected_rows")
        map_json(connection, mapping, reader.columns, {0: reader.read(orders)})
        self.records: list[SalesRecord] = landed_records(connection)
        self.rejected = [code for (code,) in connection.execute("SELECT code FROM rejected_rows").fetchall()]

    def sum(self, field: str) -> Decimal:
        """The sum of a field."""
        return sum((getattr(record, field) or Decimal(0) for record in self.records), Decimal(0))

    def each(self, *fields: str) -> list[tuple[Any, ...]]:
        """The fields of each record, numbers as plain text."""
        return [tuple(_plain(getattr(record, field)) for field in fields) for record in self.records]


def _plain(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, Decimal) else value


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


def test_woocommerce_727_is_two_products_and_shipping(connection: duckdb.DuckDBPyConnection) -> None:
    found = Mapped(connection, WOOCOMMERCE, WOO_727)
    assert found.each("item_type", "product_id", "quantity", "unit_price", "net_amount", "net_tax_amount") == [
        ("product", "93", "2.00", "3.00", "6.00", "0.45"),
        ("product", "22", "1.00", "12.00", "12.00", "0.90"),
        ("shipping", "flat_rate", "1.00", "10.00", "10.00", "0.00"),
    ]
    assert (found.sum("net_amount"), found.sum("net_tax_amount")) == (Decimal(28), Decimal("1.35"))
    assert found.rejected == []


def test_woocommerce_728_is_pending_and_sold_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    lines = [
        woo_line(315, "93", 2, "3.00", "6.00", total_tax="0.45"),
        woo_line(316, "23", 1, "12.00", "12.00", total_tax="0.90"),
    ]
    found = Mapped(connection, WOOCOMMERCE, woo_order(728, "pending", "29.35", lines, [FLAT_RATE]))
    assert (
        found.each("line_type", "quantity", "net_amount", "net_tax_amount")
        == [("adjustment", "0.00", "0.00", "0.00")] * 3
    )
    assert found.rejected == []


def test_woocommerce_refunds_pay_back_a_line_or_an_amount(connection: duckdb.DuckDBPyConnection) -> None:
    returned = woo_line(314, "87", -1, "9.00", "-9.00")
    amount = woo_line(726, "refund", 1, "-10.00", "-10.00")  # made of the refund's amount: it names no line
    orders = woo_order(724, "refund", "-9.00", [returned], []), woo_order(726, "refund", "-10.00", [amount], [])
    found = Mapped(connection, WOOCOMMERCE, *orders)
    assert found.each("transaction_id", "line_type", "net_quantity", "net_amount") == [
        ("724", "return", "-1.00", "-9.00"),
        ("726", "adjustment", "1.00", "-10.00"),
    ]


def test_a_shopify_order_whose_lines_do_not_add_up_is_rejected_completely(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = Mapped(connection, SHOPIFY, shopify_order("0.00", "11.94", "409.94"))
    assert (found.records, found.rejected) == ([], ["TRANSACTION_TOTAL_MISMATCH"] * 3)


def test_the_discount_and_tax_of_a_shopify_order_are_spread_over_its_lines(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = Mapped(connection, SHOPIFY, shopify_order("10.00", "11.94", "598.94"))
    assert found.each("total_amount", "discount_amount", "net_amount", "net_tax_amount") == [
        ("199.00", "3.34", "195.66", "3.98"),
        ("199.00", "3.33", "195.67", "3.98"),
        ("199.00", "3.33", "195.67", "3.98"),
    ]
    assert found.sum("net_amount") + found.sum("net_tax_amount") == Decimal("598.94")


def test_what_a_shopify_refund_paid_back_decides_and_the_difference_is_an_adjustment(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    lines = [
        {"id": 1, "kind": "return", "item_type": "product", "sku": "A", "price": "199.00", "tax": "3.98"},
        {"id": 2, "kind": "return", "item_type": "product", "sku": "B", "price": "199.00", "tax": "3.98"},
        {"id": 3, "kind": "adjustment", "item_type": "other", "sku": "refund", "price": "196.96", "tax": "0.00"},
    ]
    lines = [{**line, "quantity": 1} for line in lines]
    refund = shopify_order("0.00", "0.00", "209.00", id=509562969, order_id=450789469, line_items=lines)
    found = Mapped(connection, SHOPIFY, refund)
    assert found.each("line_type", "item_type", "net_amount", "net_tax_amount", "original_transaction_id") == [
        ("return", "product", "-199.00", "-3.98", "450789469"),
        ("return", "product", "-199.00", "-3.98", "450789469"),
        ("adjustment", "other", "196.96", "0.00", "450789469"),
    ]
    assert found.sum("net_amount") + found.sum("net_tax_amount") == Decimal("-209.00")


@pytest.mark.parametrize(("state", "net", "quantity"), [("uncaptured", "0.00", "0.00"), ("captured", "1.00", "1.00")])
def test_a_stripe_charge_counts_once_it_is_captured(
    connection: duckdb.DuckDBPyConnection, state: str, net: str, quantity: str
) -> None:
    charge = {
        "id": "ch_1", "charge": None, "state": state, "created": 1234567890, "amount": 100, "currency": "USD",
    }  # fmt: skip
    assert Mapped(connection, STRIPE, charge).each("net_amount", "net_quantity") == [(net, quantity)]


def test_a_stripe_refund_is_a_return_that_names_its_charge(connection: duckdb.DuckDBPyConnection) -> None:
    refund = {
        "id": "re_1", "charge": "ch_1", "state": "refund", "created": 1234567890, "amount": 100, "currency": "USD",
    }  # fmt: skip
    assert Mapped(connection, STRIPE, refund).each("line_type", "net_amount", "original_transaction_id") == [
        ("return", "-1.00", "ch_1")
    ]


def test_a_tax_that_the_price_includes_is_not_part_of_the_net_amount(connection: duckdb.DuckDBPyConnection) -> None:
    found = Mapped(connection, SHOPIFY, shopify_order("10.00", "98.00", "587.00", taxes_included=True))
    assert (found.sum("net_amount"), found.sum("net_tax_amount")) == (Decimal("489.00"), Decimal("98.00"))
    assert all(record.tax_included for record in found.records)


def test_a_transaction_with_a_rejected_line_is_not_checked(connection: duckdb.DuckDBPyConnection) -> None:
    order = shopify_order("10.00", "11.94", "1.00")
    order["line_items"][0]["price"] = "many"
    found = Mapped(connection, SHOPIFY, order)
    assert (len(found.records), found.rejected) == (2, ["NOT_A_NUMBER"])


def test_an_order_that_is_sent_twice_is_spread_and_checked_once(connection: duckdb.DuckDBPyConnection) -> None:
    found = Mapped(connection, SHOPIFY, *[shopify_order("10.00", "11.94", "598.94")] * 2)
    assert found.rejected == []
    assert sorted(found.each("line_id", "discount_amount")) == [
        ("1", "3.34"), ("1", "3.34"), ("2", "3.33"), ("2", "3.33"), ("3", "3.33"), ("3", "3.33"),
    ]  # fmt: skip


def test_a_rejected_line_is_kept_with_its_order_and_without_the_other_lines() -> None:
    kept = JsonReader(WOOCOMMERCE).payloads([WOO_727])
    assert [(each["line_items"], each["shipping_lines"]) for each in kept] == [
        ([WOO_727["line_items"][0]], []),
        ([WOO_727["line_items"][1]], []),
        ([], [FLAT_RATE]),
    ]
