"""Discounts, tax and what a line charges for, from the raw zone to the summaries and the ledger, on each load path."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from local_stack.databases import WarehouseAccess
from pipeline.reconciliation.warehouse import read_ledger
from shared.database import session, transaction
from shared.errors import StopRun
from shared.partitions import manifest_key, raw_key
from tests.fakes.raw_zone import DAY, record
from tests.integration.transformation.test_load_paths import Loader
from transformation.load.plan import LoadPath

NEW_FIELDS = (
    "item_type", "discount_amount", "tax_amount", "net_tax_amount", "tax_included", "original_transaction_id",
)  # fmt: skip


@pytest.fixture(params=[LoadPath.MERGE, LoadPath.BUILD])
def loader(request: pytest.FixtureRequest, warehouse: WarehouseAccess, tmp_path: Path) -> Loader:
    return Loader(warehouse, tmp_path, request.param)


def land_an_order(loader: Loader, **changes: Any) -> None:
    """Two lamps with a discount, shipping, a tip and a gift card, and one lamp that was returned."""
    loader.land(
        record("1", qty=2, price="10", discount="3", tax="1.70", **changes),
        record("2", qty=1, price="12", tax="2", tax_included=True),
        record("3", qty=1, price="5", item_type="shipping", product_id="POST", tax="0.50"),
        record("4", qty=1, price="4", item_type="tip", product_id="TIP"),
        record("5", qty=1, price="50", item_type="gift_card", product_id="CARD"),
        record("6", transaction="R1", qty=-1, price="10", discount="1.50", tax="0.85", original_transaction_id="T1"),
    )


def test_every_field_of_the_contract_arrives(loader: Loader) -> None:
    land_an_order(loader)
    loader.load()
    assert loader.rows(f"SELECT {', '.join(NEW_FIELDS)}, net_amount FROM fact_sales ORDER BY line_id") == [
        ("product", 3, Decimal("1.70"), Decimal("1.70"), False, None, 17),
        ("product", 0, 2, 2, True, None, 10),
        ("shipping", 0, Decimal("0.50"), Decimal("0.50"), False, None, 5),
        ("tip", 0, None, None, False, None, 4),
        ("gift_card", 0, None, None, False, None, 50),
        ("product", Decimal("1.50"), Decimal("0.85"), Decimal("-0.85"), False, "T1", Decimal("-8.50")),
    ]


def test_the_summary_separates_products_from_what_else_was_charged(loader: Loader) -> None:
    land_an_order(loader)
    loader.load()
    assert loader.rows(
        "SELECT item_type, line_count, net_quantity, sales_amount, returns_amount, net_amount, discount_amount,"
        " tax_amount FROM fact_daily_sales ORDER BY item_type"
    ) == [
        ("gift_card", 1, 0, 50, 0, 50, 0, 0),
        ("product", 3, 2, 27, Decimal("8.5"), Decimal("18.5"), Decimal("1.5"), Decimal("2.85")),
        ("shipping", 1, 0, 5, 0, 5, 0, Decimal("0.5")),
        ("tip", 1, 0, 4, 0, 4, 0, 0),
    ]


def test_the_ledger_reconciles_the_tax_as_well(loader: Loader) -> None:
    land_an_order(loader)
    loader.load()
    assert loader.rows(
        "SELECT measure, landed, inserted, in_warehouse, reported FROM load_ledger_amounts ORDER BY measure"
    ) == [
        ("net", *[Decimal("77.5")] * 4),
        ("tax", *[Decimal("3.35")] * 3, None),
    ]
    land_an_order(loader, tax_amount=Decimal(1), net_tax_amount=Decimal(1))
    loader.load()
    assert loader.rows(
        "SELECT landed, updated, unchanged FROM load_ledger_amounts WHERE measure = 'tax' ORDER BY load_id DESC LIMIT 1"
    ) == [(Decimal("2.65"), 1, Decimal("1.65"))]
    with session(loader.access.reader_dsn, application_name="test") as connection, transaction(connection) as cursor:
        found = read_ledger(cursor, "retailer_1", DAY, DAY)[DAY]
    assert found.money("net", "USD").in_warehouse == Decimal("77.5")
    assert found.money("tax", "USD").in_warehouse == Decimal("2.65")
    for table, tax in (("fact_sales", "net_tax_amount"), ("fact_daily_sales", "tax_amount")):
        sums = f"SELECT sum(net_amount), sum({tax}) FROM {table}"
        assert loader.rows(sums) == [(Decimal("77.5"), Decimal("2.65"))]


def test_a_manifest_with_other_tax_stops_the_load(loader: Loader) -> None:
    land_an_order(loader)
    key = ("raw", manifest_key("retailer_1", DAY))
    loader.zone.objects[key] = loader.zone.objects[key].replace(b'"landed_tax":"3.35"', b'"landed_tax":"3.36"')
    with pytest.raises(StopRun, match=r"77.50+ USD \(tax 3.35"):
        loader.load()


def test_a_partition_that_was_landed_before_these_fields_is_read_with_their_defaults(loader: Loader) -> None:
    loader.land(record("1"), record("2", qty=-1))
    loader.load()
    digest = loader.digest()
    body = [json.loads(line) for line in loader.zone.objects["raw", raw_key("retailer_1", DAY)].splitlines()]
    older = b"".join(
        json.dumps({name: value for name, value in line.items() if name not in NEW_FIELDS}).encode() + b"\n"
        for line in body
    )
    manifest = json.loads(loader.zone.objects["raw", manifest_key("retailer_1", DAY)])
    manifest |= {"schema_version": 1, "sha256": hashlib.sha256(older).hexdigest(), "size_bytes": len(older)}
    del manifest["source"]
    for amounts in manifest["amounts"].values():
        del amounts["landed_tax"]
    loader.zone.put("raw", raw_key("retailer_1", DAY), older)
    loader.zone.put("raw", manifest_key("retailer_1", DAY), json.dumps(manifest).encode())
    result = loader.load()
    assert result.entries[0].unchanged.records == 2
    assert loader.digest() == digest
