"""A wrong layout is an error that names file and key; files are recognised by their header."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.files.headers import recognise_layout
from ingestion.mapping.layouts import known_layouts, load_layout, mapping_of, shipped_mapping
from shared.errors import FixConfiguration
from shared.sources.reading import read_definition
from tests.fakes.csv_sources import SHOP, write, write_layout
from tests.unit.shared.sources.test_reading import FILES


def test_the_built_in_layouts_are_valid() -> None:
    assert known_layouts() == ["olist", "online_retail"]
    assert [load_layout(name).name for name in known_layouts()] == known_layouts()


def test_a_users_own_layout_is_given_by_path(tmp_path: Path) -> None:
    layout = load_layout(
        str(write_layout(tmp_path / "corner-shop.yaml", {k: v for k, v in SHOP.items() if k != "name"}))
    )
    assert (layout.name, layout.retailer_id) == ("corner-shop", "shop")


def test_a_customers_columns_are_known_together_and_each_alone(tmp_path: Path) -> None:
    columns = {**SHOP["columns"], "customer_name": {"columns": ["First", "Last"]}}
    layout = load_layout(str(write_layout(tmp_path / "shop.yaml", {**SHOP, "columns": columns})))
    assert layout.personal_columns == {"Customer", "First", "Last", "First + Last"}


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
        (
            {"colour": "red"},
            "colour: there is no such key. Did you mean columns? Allowed: name, description, retailer_id, format, ",
        ),
        ({"time_zone": "London"}, "time_zone: 'London' is not a time zone; an example is Europe/London"),
        ({"columns": {"quantity": None}}, "columns: nothing is mapped to quantity."),
        (
            {"columns": {"price": "Price"}},
            "columns.price: there is no such field. Did you mean unit_price? Allowed: transaction_id, ",
        ),
        ({"columns": {"quantity": {"column": "Q", "value": "1"}}}, "columns.quantity: give one of column, columns"),
        ({"columns": {"sold_at": {"value": "2024-01-01"}}}, "columns.sold_at: a time must be a column, not a constant"),
        ({"may_be_null": ["buyer"]}, "may_be_null: only the mapping of a connector has this key;"),
        ({"lines": "items"}, "lines: only the mapping of a connector has this key;"),
        (
            {"columns": {"unit_price": {"column": "P", "type": "integer"}}},
            "columns.unit_price.type: only the mapping of a connector has this key;",
        ),
        ({"rows": "json"}, "rows: files are CSV, not JSON"),
        (
            {"columns": {"quantity": {"colum": "Q"}}},
            "columns.quantity.colum: there is no such key. Did you mean column?",
        ),
        ({"columns": {"product_idd": "Name"}}, "columns.product_idd: there is no such field. Did you mean product_id?"),
        (
            {"columns": {"product_id": 4711}},
            "columns.product_id: YAML reads this as 4711, not as the name of a column;",
        ),
        ({"columns": {"product_id": ["A"]}}, "columns.product_id: ['A'] is not a mapping of keys to values."),
        ({"format": {"decimal": ",", "thousands": ","}}, "format: decimal and thousands are the same character"),
        (
            {"format": {"encoding": "klingon"}},
            "format.encoding: 'klingon' is not a known encoding; an example is cp1252",
        ),
        *(
            ({"format": {"encoding": name}}, f"format.encoding: '{name}' is not an encoding of text files")
            for name in ("base64", "rot13", "zlib", "hex", "idna", "punycode", "unicode_escape", "undefined", "utf-7")
        ),
        *(
            (
                {"checks": [{"field": "product_id", "matches": given}]},
                f"checks.0.matches: {given!r} is not a regular expression of RE2: ",
            )
            for given in ("(", "(?=a)b", r"(a)\1", "(?P<a>x)(?P=a)", "a++b", r"a\Z", "(a{1000}){1000}")
        ),
        ({"non_products": [{"category": "x", "matches": "(?!a)"}]}, "non_products.0.matches: '(?!a)' is not a regular"),
        (
            {"line_type": [{"is": "sale", "where": {"product_id": {"matches": "(?<=a)"}}}]},
            "line_type.0.where.product_id.matches: '(?<=a)' is not a regular expression of RE2",
        ),
        (
            {"columns": {"sold_at": {"column": "W", "format": "%-Y-%m-%d"}}},
            "columns.sold_at.format: '%-Y-%m-%d' is not the format of a time: ",
        ),
        ({"outliers": [{"field": "quantity", "factor": float("inf")}]}, "'.inf' is not a finite number"),
        ({"outliers": [{"field": "quantity", "factor": float("nan")}]}, "'.nan' is not a finite number"),
        (
            {"checks": [{"field": "quantity", "at_most": "1; DROP"}]},
            "checks.0.at_most: '1; DROP' is not a plain number",
        ),
        (
            {"line_type": [{"is": "gift"}]},
            "line_type.0.is: 'gift' is not allowed. Allowed: sale, return, adjustment, void.",
        ),
        (
            {"line_type": [{"is": "sale", "where": {"kind": {}}}]},
            "line_type.0.where.kind: there is no such field. Allowed: transaction_id",
        ),
        (
            {"columns": {"product_name": {"column": "Name", "when_missing": {"use": "mean"}}}},
            "columns.product_name.when_missing: a mean is possible only for quantity, ",
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
        ({"retailer_id": "My Shop"}, "retailer_id: 'My Shop' does not match "),
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
    assert re.match(rf"{path}:[0-9]+: ", str(caught.value))
    assert fault in str(caught.value)
    assert "rows, lines" not in str(caught.value)
    assert "content, " not in str(caught.value)


MAPPING = """\
retailer_id: shop
rows: json
lines: items
time_zone: Europe/Berlin
columns:
  transaction_id: id
  store_id: {value: one}
  product_id: items.code
  sold_at: {column: paid_at, type: integer, format: epoch}
  quantity: {column: items.pieces, type: integer}
  unit_price: {column: items.price, minor_units: 2}
  currency: {value: EUR}
"""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("product_id: items", "product_idd: items", "8: columns.product_idd: there is no such field. Did you mean pro"),
        ("lines: items", "line: items", "3: line: there is no such key. Did you mean lines? Allowed: name, descrip"),
        ("type: integer", "typ: integer", "9: columns.sold_at.typ: there is no such key. Did you mean type? Allowed: "),
        ("type: integer", "type: intger", "9: columns.sold_at.type: 'intger' is not allowed. Did you mean integer?"),
        ("  product_id: items.code\n", "", "5: columns: nothing is mapped to product_id."),
        ("retailer_id: shop\n", "", "1: retailer_id: it is missing."),
        ("rows: json", "rows: [", "4: not valid YAML: "),
        (MAPPING, "- a", "1: a layout is a mapping of keys to values"),
    ],
)
def test_a_mistake_in_the_mapping_of_a_connector_names_line_and_key(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    path = tmp_path / "shop_mapping.yaml"
    write(path, MAPPING)
    assert shipped_mapping(path, "outlet", "Europe/Paris").retailer_id == "outlet"
    other = write(tmp_path / "other_mapping.yaml", MAPPING.replace(old, new, 1))
    with pytest.raises(FixConfiguration) as caught:
        shipped_mapping(other, "outlet", "Europe/Paris")
    assert str(caught.value).startswith(f"{other}:{fault}")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("rows: json", "7: mapping.rows: files are CSV, not JSON"),
        ("lines: items", "7: mapping.lines: only the mapping of a connector has this key; the columns of files are"),
        ("name: Shop", "7: mapping.name: the definition itself says it; remove it from the mapping."),
        (
            "colums: {}",
            "7: mapping.colums: there is no such key. Did you mean columns? Allowed: description, format, t",
        ),
        ("format: {decimals: ','}", "7: mapping.format.decimals: there is no such key. Did you mean decimal? Allowed:"),
    ],
)
def test_a_mistake_in_the_mapping_of_a_definition_names_line_and_key(tmp_path: Path, line: str, fault: str) -> None:
    columns = "{transaction_id: a, store_id: b, product_id: c, quantity: d, unit_price: e, currency: f, sold_at: g}"
    text = FILES.replace("{columns: {}}", f"\n  {line}\n  columns: {columns}")
    definition = read_definition(write(tmp_path / "shop.yaml", text), {})
    with pytest.raises(FixConfiguration) as caught:
        mapping_of(definition)
    assert str(caught.value).startswith(f"{tmp_path}/shop.yaml:{fault}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", ":1: not valid YAML: "),
        ("- a\n- b\n", ":1: a layout is a mapping of keys to values (docs/FILES.md)."),
        ("a: 1\na: 2\n", ":2: the key 'a' is there twice."),
    ],
)
def test_invalid_yaml_is_an_error_that_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FixConfiguration, match=r"shop\.yaml:[12]: ") as caught:
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


@pytest.mark.parametrize("given", [r"\pL+", "[[:alpha:]]+", r"a\z", "(?i)a", r"\d{3}"])
def test_a_regular_expression_is_what_the_engine_that_runs_it_takes(tmp_path: Path, given: str) -> None:
    changed = {**SHOP, "checks": [{"field": "product_id", "matches": given}]}
    assert load_layout(str(write_layout(tmp_path / "shop.yaml", changed))).checks[0].matches == given


@pytest.mark.parametrize(
    "name", ["cp1252", "UTF-8", "utf-8-sig", "utf-16", "utf-16-le", "latin1", "shift_jis", "cp037"]
)
def test_an_encoding_of_texts_is_accepted(tmp_path: Path, name: str) -> None:
    changed = {**SHOP, "format": {**SHOP.get("format", {}), "encoding": name}}
    assert load_layout(str(write_layout(tmp_path / "shop.yaml", changed))).format.encoding
