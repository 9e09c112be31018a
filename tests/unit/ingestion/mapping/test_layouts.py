"""A wrong layout is an error that names file and key; files are recognised by their header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.files.headers import recognise_layout
from ingestion.mapping.layouts import known_layouts, load_layout
from shared.errors import FixConfiguration
from tests.fakes.csv_sources import SHOP, write, write_layout


def test_the_built_in_layouts_are_valid() -> None:
    assert known_layouts() == ["olist", "online_retail"]
    assert [load_layout(name).name for name in known_layouts()] == known_layouts()


def test_a_users_own_layout_is_given_by_path(tmp_path: Path) -> None:
    layout = load_layout(
        str(write_layout(tmp_path / "corner-shop.yaml", {k: v for k, v in SHOP.items() if k != "name"}))
    )
    assert (layout.name, layout.retailer_id) == ("corner-shop", "shop")


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FixConfiguration) as caught:
        load_layout("online-retail")
    assert str(caught.value) == (
        "There is no layout 'online-retail'; did you mean online_retail? Known are olist, online_retail; or give the"
        " path of your own YAML file (docs/FILES.md)."
    )


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"time_zone": "London"}, "time_zone: 'London' is not a time zone; an example is Europe/London"),
        ({"columns": {"quantity": None}}, "layout: columns does not map quantity"),
        ({"columns": {"price": "Price"}}, "columns.price.[key]: Input should be 'transaction_id'"),
        ({"columns": {"quantity": {"column": "Q", "value": "1"}}}, "columns.quantity: give one of column, columns"),
        ({"columns": {"sold_at": {"value": "2024-01-01"}}}, "columns.sold_at: a time must be a column, not a constant"),
        ({"may_be_null": ["buyer"]}, "may_be_null are for `rows: json`"),
        ({"rows": "json"}, "rows: files are CSV, not JSON"),
        ({"format": {"decimal": ",", "thousands": ","}}, "format: decimal and thousands are the same character"),
        (
            {"format": {"encoding": "klingon"}},
            "format.encoding: 'klingon' is not a known encoding; an example is cp1252",
        ),
        ({"checks": [{"field": "product_id", "matches": "("}]}, "checks.0.matches: '(' is not a regular expression"),
        (
            {"checks": [{"field": "quantity", "at_most": "1; DROP"}]},
            "checks.0.at_most: '1; DROP' is not a plain number",
        ),
        ({"line_type": [{"is": "gift"}]}, "line_type.0.is: Input should be 'sale', 'return', 'adjustment' or 'void'"),
        ({"line_type": [{"is": "sale", "where": {"kind": {}}}]}, "line_type.0.where: there is no field kind"),
        (
            {"columns": {"product_name": {"column": "Name", "when_missing": {"use": "mean"}}}},
            "columns.product_name.when_missing: a mean is possible only for quantity, unit_price, total_amount",
        ),
        (
            {"columns": {"unit_price": {"column": "P", "when_missing": {"use": "default", "value": "free"}}}},
            "'free' is not a plain number",
        ),
        (
            {"columns": {"unit_price": {"column": "P", "when_missing": {"use": "mean", "by": "store_id"}}}},
            "columns.unit_price.when_missing.by: no column of texts is mapped to store_id",
        ),
        ({"columns": {"sold_at": {"column": "W", "format": "%H:%M"}}}, "'%H:%M' has no year, month and day"),
        ({"columns": {"sold_at": {"column": "W", "format": "%Y-%m-%d %Q"}}}, "'%Y-%m-%d %Q' has an unknown part: %Q"),
        ({"retailer_id": "My Shop"}, "retailer_id: String should match pattern"),
        ({"tables": {"lines": {"key": "id", "equals": "id"}}}, "tables.lines: the first table holds the lines"),
        ({"dates": {"first": "2024-02-30"}}, "dates.first: '2024-02-30' is not a date"),
    ],
)
def test_a_wrong_layout_is_an_error_that_names_file_and_key(
    tmp_path: Path, changed: dict[str, Any], fault: str
) -> None:
    columns = {**SHOP["columns"], **changed.pop("columns", {})}
    given = {**SHOP, **changed, "columns": {name: source for name, source in columns.items() if source is not None}}
    path = write_layout(tmp_path / "shop.yaml", given)
    with pytest.raises(FixConfiguration) as caught:
        load_layout(str(path))
    assert str(caught.value).startswith(f"The layout {path} is wrong: ")
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "line 1 is not valid YAML: "),
        ("- a\n- b\n", "is not a mapping of keys to values (docs/FILES.md)."),
        ("a: 1\na: 2\n", "line 2 is not valid YAML: the key 'a' is there twice"),
    ],
)
def test_invalid_yaml_is_an_error_that_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FixConfiguration, match=r"The layout .*shop\.yaml") as caught:
        load_layout(str(write(tmp_path / "shop.yaml", text)))
    assert message in str(caught.value)


def test_files_are_recognised_by_their_header(tmp_path: Path) -> None:
    header = "Country,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
    assert recognise_layout([str(write(tmp_path / "sales.csv", header + "x\n"))]).name == "online_retail"


def test_files_without_a_fitting_layout_are_an_error_that_lists_what_the_known_ones_need(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", "a;b\n1;2\n")
    with pytest.raises(FixConfiguration) as caught:
        recognise_layout([str(path)])
    message = str(caught.value)
    assert message.startswith(f"{path}: no known layout has these columns (a, b). olist needs ")
    assert "online_retail needs InvoiceNo, StockCode, Description" in message
    assert message.endswith("write a layout and give it with --layout FILE.yaml (docs/FILES.md).")
