"""Reading a CSV in the Online Retail layout."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from retailers.seeding.online_retail_csv import COLUMNS, ReplayedRow, UnreadableCsvError, replayed_rows
from retailers.seeding.receipts import Kind

LONDON = ZoneInfo("Europe/London")
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*lines: str, name: str = "sales.csv") -> Path:
        path = tmp_path / name
        text = "\n".join((",".join(COLUMNS), *lines, "")).encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return path

    return write


def rows(path: Path) -> list[ReplayedRow]:
    return list(replayed_rows(path, LONDON))


def test_a_row_is_read_in_its_time_zone_with_an_exact_price(write: Write) -> None:
    (row,) = rows(write('536365,85123A,"LAMP, ""OLD"" ",6,7/1/2011 8:26,2.55,17850,United Kingdom'))
    assert (row.invoice, row.product, row.description, row.quantity) == ("536365", "85123A", 'LAMP, "OLD" ', 6)
    assert row.minute.at == datetime(2011, 7, 1, 7, 26, tzinfo=UTC)
    assert (row.minute.date, row.minute.local) == (date(2011, 7, 1), "2011-07-01 08:26:00")
    assert (row.price.amount, row.amount_text, row.customer, row.kind) == (Decimal("2.55"), "15.30", "17850", Kind.SALE)


def test_blank_customers_and_descriptions_are_nothing(write: Write) -> None:
    (row,) = rows(write("1,A,,1,12/1/2010 8:26,0,,France"))
    assert (row.customer, row.description, row.price.text, row.amount_text) == (None, None, "0.00", "0.00")


@pytest.mark.parametrize(
    ("invoice", "quantity", "price", "kind", "kept", "amount"),
    [
        ("C1", "-3", "1.25", Kind.RETURN, 3, "-3.75"),
        ("A1", "1", "-11062.06", Kind.ADJUSTMENT, 1, "-11062.06"),
        ("1", "-9", "0", Kind.ADJUSTMENT, -9, "0.00"),
        ("1", "-9", "0.001", Kind.ADJUSTMENT, -9, "-0.009"),
    ],
)
def test_rows_are_classified_and_keep_their_sign(
    write: Write, invoice: str, quantity: str, price: str, kind: Kind, kept: int, amount: str
) -> None:
    (row,) = rows(write(f"{invoice},A,B,{quantity},12/1/2010 8:26,{price},,France"))
    assert (row.kind, row.quantity, row.amount_text.lstrip("-")) == (kind, kept, amount.lstrip("-"))
    assert Decimal(row.amount_text) == Decimal(amount)


def test_only_rows_equal_in_all_columns_are_repeats(write: Write) -> None:
    one, other = "1,A,B,1,12/1/2010 8:26,1,,France", "1,A,b,1,12/1/2010 8:26,1,,France"
    assert [row.repeated for row in rows(write(one, other, one, one))] == [False, False, True, True]


@pytest.mark.parametrize(("price", "exponent"), [("2", 2), ("2.5", 2), ("2.50", 2), ("0.001", 3), ("2.550", 2)])
def test_a_price_knows_how_many_places_it_needs(write: Write, price: str, exponent: int) -> None:
    (row,) = rows(write(f"1,A,B,1,12/1/2010 8:26,{price},,France"))
    assert row.price.exponent == exponent


def test_a_gzipped_file_is_read_too(write: Write) -> None:
    assert len(rows(write("1,A,B,1,12/1/2010 8:26,1,,France", name="sales.csv.gz"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "1,A,B,many,12/1/2010 8:26,1,,F",
        "1,A,B,1,13/1/2010 8:26,1,,F",
        "1,A,B,1,soon,1,,F",
        "1,A,B,1,12/1/2010 8:26,x,,F",
        "1,A,B,1,12/1/2010 8:26,0.0001,,F",
        "1,A",
    ],
)
def test_an_invalid_row_is_an_error_that_names_its_line(write: Write, line: str) -> None:
    with pytest.raises(UnreadableCsvError, match=r"sales\.csv line 2 is not a sale"):
        rows(write(line))


def test_another_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UnreadableCsvError, match="does not begin with the header"):
        rows(tmp_path / "x.csv")
