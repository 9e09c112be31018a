"""`retail sources init`: what it prints and writes, and what it does not overwrite."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.sources import app
from shared.sources.reading import read_definition

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
