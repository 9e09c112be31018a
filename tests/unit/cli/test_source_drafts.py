"""`retail sources init`: what it prints and writes, and what it does not overwrite."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from cli.sources import app
from ingestion.mapping.layouts import mapping_of
from shared.sources.reading import read_definition
from tests.fakes.csv_sources import reading
from tests.unit.ingestion.mapping.test_archives import archive, workbook

TILL = "order,when,sku,qty,price,currency\nA,2024-01-15 10:00,S,2,2.50,EUR\n"


@pytest.fixture
def till(tmp_path: Path) -> Path:
    (tmp_path / "my till.csv").write_text(TILL, encoding="utf-8")
    return tmp_path / "my till.csv"


def init(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["init", *map(str, arguments)])


def test_the_draft_is_printed_with_what_to_do_next(till: Path) -> None:
    shown = init(till)
    assert shown.exit_code == 0
    assert "id: my_till\n" in shown.stdout
    assert "# CHECK: in which time zone" in shown.stdout
    assert f"To keep it: retail sources init '{till}' --output sources/my_till.yaml" in shown.stderr
    assert "3 values to look at: search for CHECK." in shown.stderr


def test_the_draft_is_written_as_a_definition_that_can_be_read(till: Path) -> None:
    output = till.with_name("corner.yaml")
    shown = init(till, "--output", output, "--time-zone", "Europe/Berlin")
    assert (shown.exit_code, shown.stdout) == (0, "")
    definition = read_definition(output, {})
    assert (definition.id, definition.connector, definition.time_zone) == ("corner", "files", "Europe/Berlin")
    assert f"Next: retail sources check corner, then retail etl --source '{till}'" in shown.stderr


def orders(number: int) -> dict[str, object]:
    line = {"sku": "S", "quantity": 2, "price": 2.5}
    return {"order_number": f"A{number}", "created_at": "2024-01-15T10:00:00Z", "currency": "EUR", "line_items": [line]}


def loaded(output: Path, file: Path) -> list[object]:
    """What the drafted definition makes of the file."""
    with reading(file, layout=mapping_of(read_definition(output, {}))) as outcome:
        return outcome.landed("transaction_id", "net_amount")


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "document.json", "a.parquet", "a.zip"])
def test_a_file_of_any_kind_is_drafted_and_loads(name: str, tmp_path: Path) -> None:
    path, records = tmp_path / name, [orders(1), orders(2)]
    if name == "a.parquet":
        flat = [{key: value for key, value in each.items() if key != "line_items"} for each in records]
        lines = [{"sku": "S", "quantity": 2, "price": Decimal("2.50")}] * 2
        parquet.write_table(pyarrow.Table.from_pylist([a | b for a, b in zip(flat, lines, strict=True)]), path)
    elif name == "a.zip":
        archive(path, {"till.csv": TILL.replace("A,", "A1,") + TILL.splitlines()[1].replace("A,", "A2,") + "\n"})
    else:
        document: object = {"orders": records} if name == "document.json" else records
        lines_of = "\n".join(map(json.dumps, records)) + "\n"
        path.write_text(lines_of if name == "a.ndjson" else json.dumps(document, indent=1), encoding="utf-8")
    output = tmp_path / "shop.yaml"
    shown = init(path, "--output", output, "--time-zone", "UTC")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert loaded(output, path) == [("A1", 5), ("A2", 5)]


def test_the_sheet_of_a_workbook_is_chosen(tmp_path: Path) -> None:
    header, *rows = (line.split(",") for line in TILL.splitlines())
    path = workbook(tmp_path / "till.xlsx", Notes=[["hello"]], Sales=[header, *rows])
    assert "has 2 sheets with rows (Notes, Sales)" in init(path).stderr
    output = tmp_path / "till.yaml"
    assert init(path, "--sheet", "Sales", "--output", output).exit_code == 0
    assert loaded(output, path) == [("A", 5)]


def test_a_saved_response_is_drafted_as_an_api(tmp_path: Path) -> None:
    path = tmp_path / "response.json"
    path.write_text(json.dumps({"orders": [orders(1)]}), encoding="utf-8")
    shown = init(path, "--response")
    assert "connector: rest\n" in shown.stdout
    assert "rows: orders" in shown.stdout
    again = f"retail sources init {path} --response --currency EUR --output sources/response.yaml"
    assert again in init(path, "--response", "--currency", "EUR").stderr


def test_nothing_is_overwritten(till: Path) -> None:
    output = till.with_name("corner.yaml")
    output.write_text("mine", encoding="utf-8")
    assert (init(till, "--output", output).exit_code, output.read_text(encoding="utf-8")) == (2, "mine")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--id", "Not An Id", "cannot be the id of a source"),
        ("--time-zone", "Berlin", "is not an IANA time zone"),
        ("--currency", "EURO", "is not a currency of ISO 4217"),
        ("--output", "/nowhere/corner.yaml", "cannot be written"),
    ],
)
def test_a_wrong_option_is_an_error_that_says_why(option: str, value: str, message: str, till: Path) -> None:
    failed = init(till, option, value)
    assert (failed.exit_code, message in failed.stderr) == (2, True)


def test_a_file_without_what_a_sale_needs_fails_and_says_what(tmp_path: Path) -> None:
    (tmp_path / "stock.csv").write_text("sku,shelf\nS,1\n", encoding="utf-8")
    failed = init(tmp_path / "stock.csv")
    assert failed.exit_code == 1
    assert "Nothing was found for transaction_id, unit_price, sold_at" in failed.stderr


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    assert init(tmp_path / "nowhere.csv").exit_code == 2
    (tmp_path / "empty.csv").write_text("order,sku\n", encoding="utf-8")
    assert "has a header and no rows" in init(tmp_path / "empty.csv").stderr
