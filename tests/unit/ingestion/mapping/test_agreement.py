"""The expressions that map rows in columns accept the rows that `SalesRecord` accepts, with the same values.

They also read numbers and times as `ingestion/services` does, which reads control reports and lists of changes.
"""

from __future__ import annotations

import csv
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestion.connectors.values.numbers import point_decimal
from ingestion.connectors.values.times import wall_clock
from ingestion.mapping.sql_text import WHITE_SPACE
from ingestion.models.columnar import COLUMNS
from ingestion.models.retailer_data import FIELDS, GUEST, LineType, SalesRecord
from shared.errors import RejectRecord
from tests.fakes.csv_sources import HEADER, reading

NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""An example takes half a second; shrinking would take minutes."""
ZONE = ZoneInfo("Europe/London")
CHARACTERS = "aZ9é日😀 ,;'\"|\t\n\r\x00\x01\x7f\x85\xa0\u2028\u200b\u3000$%{}\\-"
texts = st.text(CHARACTERS, max_size=8) | st.sampled_from(
    ["", " ", "a" * 64, "a" * 65, "é" * 255, "é" * 256, "x" * 300]
)
numbers = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.decimals(-(10**4), 10**4, places=3).map(str),
    st.integers(-(10**3), 10**3).map(str),
    st.sampled_from(
        ["", "-0", "0.000", "007", "1.", ".5", "1e3", "1,5", "NaN", "9" * 9, "9" * 10, "9" * 41, "0" * 30 + "1"]
    ),
    st.sampled_from(["1.0010000", "0.0001", "9999999999.9999", "99999999999", "--1", "1 000", "٣", "0x1"]),
)
times = st.one_of(
    st.integers(2**25, 2**32 - 2**28).map(
        lambda seconds: datetime.fromtimestamp(seconds, UTC).strftime("%d/%m/%Y %H:%M")
    ),
    st.sampled_from(["", "31/03/2024 01:30", "27/10/2024 01:30", "30/02/2024 10:00", "15/01/2024 24:00", "soon"]),
)
cells = st.tuples(texts, texts, texts, numbers, numbers, times, texts)


def expected(number: int, cell: tuple[str, ...]) -> SalesRecord | None:
    """The record by `SalesRecord`, with numbers and times read as in control reports; None where they reject it."""
    receipt, product, name, quantity, price, when, customer = (text.strip(WHITE_SPACE) for text in cell)
    try:
        net_quantity, unit_price = point_decimal("quantity", quantity), point_decimal("unit_price", price)
        sold_at = wall_clock("sold_at", when, ZONE)
        kind = LineType.RETURN if net_quantity < 0 else LineType.SALE
        net_amount = net_quantity * unit_price
        if unit_price < 0:
            return None
        return SalesRecord.model_validate(
            {
                "retailer_id": "shop", "transaction_id": receipt, "line_id": str(number), "line_type": kind,
                "business_date": sold_at.date(), "sold_at": sold_at, "changed_at": sold_at, "store_id": "high-street",
                "product_id": product, "product_name": name or None, "customer_id": customer or GUEST,
                "quantity": abs(net_quantity), "unit_price": unit_price, "total_amount": abs(net_amount),
                "net_quantity": net_quantity, "net_amount": net_amount, "currency": "GBP",
            }
        )  # fmt: skip
    except (RejectRecord, ValidationError):
        return None


def columnar(rows: list[tuple[str, ...]]) -> dict[int, tuple[Any, ...]]:
    """Landed rows by number."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sales.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
            writer.writerow(HEADER.split(","))
            for number, (receipt, product, name, quantity, price, when, customer) in enumerate(rows):
                writer.writerow([receipt, number, product, name, quantity, price, when, customer])
        with reading(path) as outcome:
            assert outcome.read.rows == len(rows) == outcome.read.landed + outcome.read.rejected
            names = ", ".join(f"epoch_us({name})" if kind == "TIMESTAMPTZ" else name for name, kind in COLUMNS.items())
            found = outcome.connection.execute(f"SELECT {names} FROM landed_records").fetchall()
            return {int(record[FIELDS.index("line_id")]): record for record in found}


def comparable(value: object) -> object:
    if isinstance(value, datetime):
        return round((value - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    return value


GOOD = ("R1", "P1", "Cup", "2", "3.50", "15/01/2024 10:30", "C1")


@settings(max_examples=6, deadline=None, phases=NO_SHRINKING)
@given(st.lists(cells, min_size=1, max_size=60))
@example([("\u3000R1\x85", " P1", "\xa0", "-2", "0.0001", "15/01/2024 10:30", "\t")])
@example([("R1", "P1", "Cup", "999999999", "9999999999", "15/01/2024 10:30", "C1")])
def test_reading_in_columns_agrees_with_the_contract_record_by_record(drawn: list[tuple[str, ...]]) -> None:
    assert_both_agree(drawn)


@pytest.mark.long
@settings(max_examples=60, deadline=None, phases=NO_SHRINKING)
@given(st.lists(cells, min_size=1, max_size=60))
def test_reading_in_columns_agrees_with_the_contract_in_sixty_files(drawn: list[tuple[str, ...]]) -> None:
    assert_both_agree(drawn)


def assert_both_agree(drawn: list[tuple[str, ...]]) -> None:
    rows = [*drawn, GOOD]  # one row has a date, so that the others have a day to count to
    landed = columnar(rows)
    records = {number: record for number, cell in enumerate(rows) if (record := expected(number, cell)) is not None}
    assert landed.keys() == records.keys()
    for number, record in records.items():
        wanted = tuple(comparable(getattr(record, name)) for name in FIELDS)
        assert landed[number] == wanted


prices = st.tuples(st.sampled_from(["x", "y", ""]), st.decimals(-99, 99, places=2))


@settings(max_examples=5, deadline=None)
@given(st.lists(prices, min_size=1, max_size=50))
def test_money_is_exact_and_every_row_is_in_one_bucket(drawn: list[tuple[str, Decimal]]) -> None:
    assert_money_is_exact(drawn)


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(st.lists(prices, min_size=1, max_size=50))
def test_money_is_exact_in_forty_files(drawn: list[tuple[str, Decimal]]) -> None:
    assert_money_is_exact(drawn)


def assert_money_is_exact(drawn: list[tuple[str, Decimal]]) -> None:
    rows = [("R1", product, "Cup", "3", str(price), "15/01/2024 10:30", "C1") for product, price in drawn]
    landed = columnar([*rows, GOOD])
    wanted = sum((price * 3 for product, price in drawn if product and price >= 0), Decimal("7.00"))
    assert sum(record[FIELDS.index("net_amount")] for record in landed.values()) == wanted
