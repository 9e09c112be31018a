"""Drafts from real files, compared with the layouts that were written for them: field by field, without a margin."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ingestion.mapping.layouts import load_layout
from shared.config import PROJECT_ROOT
from tests.fakes.csv_sources import write
from tests.fakes.drafts import Drafted, drafted

DATA = Path(os.environ.get("RETAIL_TEST_DATA", PROJECT_ROOT.parent / "shared" / "data"))
CASES = {
    "01-shopify-fill-down.csv": {"customer_id": None, "line_type": None},  # e-mail; empty after an order's first line
    "02-line-total.csv": {"total_amount": ("line_total",), "unit_price": None},  # the layout has one piece at the total
    "03-refund-twice.csv": {},
    "05-multiplied-rows.csv": {},
    "06-currencies.csv": {},
    "07-minor-units.csv": {},
    "10-gift-card.csv": {},
    "11-tips.csv": {},
    "12-tax-in-total.csv": {"total_amount": None},  # it is not quantity × price
    "13-amazon-settlement-de.txt": {
        "line_id": None,
        "line_type": None,
        "product_id": ("sku", "amount-description"),
        "product_name": ("amount-description",),
        "total_amount": ("amount",),
        "unit_price": None,
    },
    "14-stray-quotes.txt": {},
    "15-newline-in-field.csv": {},
    "21a-dots.csv": {},
    "21b-no-break-spaces.csv": {},
    "22-misplaced.csv": {},
    "23-signs.csv": {},
    "24-brackets.csv": {},
    "25-plus.csv": {},
    "26-discount.csv": {},
    "27-codes.csv": {},
    "29-serials.csv": {"sold_at": None},  # Excel's serial numbers
    "50-null-words.csv": {},
    "52-cancelled.txt": {},
    "53-edited.csv": {"quantity": ("quantity",)},  # marked: current_quantity can be meant, too
    "55-items.csv": {},
    "56-formulas.csv": {},
    "57-long-name.csv": {},
}
"""File → the fields that are drafted otherwise than in its layout, and from what."""
ORDER_ITEMS = """\
"order_id","order_item_id","product_id","seller_id","shipping_limit_date","price","freight_value"
"o1",1,"p1","s1",2017-09-19 09:45:35,58.90,13.29
"o1",2,"p1","s1",2017-09-19 09:45:35,58.90,13.29
"o2",1,"p2","s2",2017-05-03 11:05:13,239.90,19.93
"""


def origins(found: Drafted) -> dict[str, tuple[str, ...]]:
    mapping = found.draft.mapping()["columns"]
    return {
        field: (value,) if isinstance(value, str) else tuple(
            value.get("columns") or value.get("first_of") or [value.get("column") or value["value"]]
        )
        for field, value in mapping.items()
    }  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_columns_of_a_case_are_those_of_its_layout_but_for(name: str, tmp_path: Path) -> None:
    source = DATA / "cases" / name
    if not source.is_file():
        pytest.skip(f"{name} is neither in RETAIL_TEST_DATA nor in ../shared/data")
    layout = load_layout(str(source.with_name(f"{source.stem.replace('serials', 'auto')}.yaml")))
    found = origins(drafted(Path(shutil.copy(source, tmp_path / name)), layout.time_zone))
    wanted = {field: each.headers or (each.value,) for field, each in layout.columns.items()}
    differing = {
        field: found.get(field)
        for field in sorted({*found, *wanted} - {"store_id"})
        if found.get(field) != wanted.get(field)
    }
    assert differing == CASES[name]


def test_the_items_of_olist_are_recognised(tmp_path: Path) -> None:
    found = drafted(write(tmp_path / "items.csv", ORDER_ITEMS), "America/Sao_Paulo", "BRL")
    assert origins(found) == {
        "transaction_id": ("order_id",),
        "line_id": ("order_item_id",),
        "product_id": ("product_id",),
        "store_id": ("seller_id",),
        "sold_at": ("shipping_limit_date",),
        "quantity": ("1",),
        "unit_price": ("price",),
        "currency": ("BRL",),
    }
    assert found.marked == ["sold_at", "quantity", "unit_price"]
    assert "only resembles" in found.checks("sold_at")
    with found.loaded() as outcome:
        assert outcome.read.landed == 3


@pytest.mark.long
@pytest.mark.real_data
def test_online_retail_is_drafted_as_its_layout_says_and_loads(tmp_path: Path) -> None:
    source = DATA / "online_retail.csv.zst"
    if not source.is_file():
        pytest.skip("online_retail.csv.zst is neither in RETAIL_TEST_DATA nor in ../shared/data")
    found = drafted(Path(shutil.copy(source, tmp_path)), "Europe/London", "GBP")
    layout = load_layout("online_retail")
    wanted = {field: each.headers for field, each in layout.columns.items() if each.headers}
    assert {field: each for field, each in origins(found).items() if field in wanted} == wanted
    assert found.draft.mapping()["columns"]["sold_at"]["format"] == layout.columns["sold_at"].format
    assert "shows the order of day and month" in found.notes("sold_at")
    assert found.marked == ["store_id", "unit_price"]
    with found.loaded() as outcome:
        # Two prices below zero; the layout calls these rows adjustments.
        assert (outcome.read.landed, dict(outcome.read.rejected_by_code)) == (541_907, {"NEGATIVE_PRICE": 2})
