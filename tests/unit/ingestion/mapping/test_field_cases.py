"""Files as real exports have them: what lands, what is rejected or flagged, and the money to the cent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.mapping.layouts import SourceMapping
from shared.errors import FixConfiguration, RetailError, StopRun
from tests.fakes.csv_sources import Outcome, reading

CASES = Path(__file__).parent / "cases"
COLUMNS: dict[str, Any] = {
    "transaction_id": "order",
    "line_id": "line",
    "sold_at": {"column": "when", "format": "%Y-%m-%d %H:%M"},
    "product_id": "sku",
    "quantity": "qty",
    "unit_price": "price",
    "currency": "currency",
    "store_id": {"value": "web"},
}
"""The columns that most of the files have."""


def layout(columns: Mapping[str, Any] | None = None, **keys: Any) -> SourceMapping:
    """A layout of `COLUMNS`, with other columns and keys; None leaves a column out."""
    merged = {name: source for name, source in {**COLUMNS, **(columns or {})}.items() if source is not None}
    given = {"name": "shop", "retailer_id": "shop", "time_zone": "Europe/Berlin", "columns": merged}
    return SourceMapping.model_validate({**given, **keys})


@dataclass(frozen=True)
class Case:
    """A file, its layout, and how it ends."""

    file: str
    layout: SourceMapping
    net: Mapping[str, str]
    """Net money of the landed rows, each line once, by currency."""
    types: Mapping[str, int]
    """Line type → landed rows."""
    rejected: Mapping[int, str] = field(default_factory=dict)
    """Line → code."""
    flagged: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    skipped: int = 0


FILL_DOWN = layout(
    {
        "transaction_id": "Name",
        "line_id": None,
        "sold_at": {"column": "Created at", "format": "%Y-%m-%d %H:%M:%S %z"},
        "product_id": {"first_of": ["Lineitem sku", "Lineitem name"]},
        "product_name": "Lineitem name",
        "quantity": "Lineitem quantity",
        "unit_price": "Lineitem price",
        "currency": {"column": "Currency", "carry_down": True},
        "line_type": {"column": "Financial Status", "carry_down": True},
        "customer_id": "Email",
    },
    line_type=[
        {"is": "void", "where": {"line_type": {"one_of": ["refunded", "voided"]}}},
        {"is": "sale", "where": {"line_type": {"one_of": ["paid"]}}},
    ],
)
SETTLEMENT = layout(
    {
        "transaction_id": "order-id",
        "line_id": {"columns": ["order-item-code", "amount-description"]},
        "sold_at": {"column": "posted-date-time", "format": "%d.%m.%Y %H:%M:%S UTC", "time_zone": "UTC"},
        "quantity": {"column": "quantity-purchased", "when_missing": {"use": "default", "value": "1"}},
        "unit_price": None,
        "total_amount": "amount",
        "currency": {"value": "EUR"},
        "line_type": "amount-type",
    },
    format={"decimal": ",", "thousands": ".", "quote": "none"},
    line_type=[{"is": "adjustment", "where": {"line_type": {"one_of": ["ItemFees"]}}}, {"is": "sale"}],
    skip_rows=[{"where": {"transaction-type": {"one_of": [""]}}, "totals": {"total_amount": "total-amount"}}],
)
REFUNDS = layout(
    {"line_type": "kind"},
    line_type=[{"is": "return", "negate": True, "where": {"line_type": {"one_of": ["refund"]}}}, {"is": "sale"}],
)
CANCELLED = layout(
    {"line_type": "status"},
    line_type=[{"is": "void", "where": {"line_type": {"one_of": ["Cancelled"]}}}, {"is": "sale"}],
)
SIGNS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP"}
NAMED = {"product_name": "name"}
REPORT: dict[str, Any] = {
    "skip_rows": [{"where": {"order": {"one_of": ["Total"]}}, "totals": {"quantity": "qty", "total_amount": "price"}}]
}
ORDER_DISCOUNT = {"transaction_discount_amount": "order_discount", "transaction_total_amount": "order_total"}
ENDED = [
    Case("shopify-fill-down.csv", FILL_DOWN, {"EUR": "54.90", "GBP": "30.00"}, {"sale": 4, "adjustment": 3}),
    Case(
        "line-total.csv", layout({"unit_price": None, "total_amount": "line_total"}), {"USD": "141.20"}, {"sale": 4}
    ),
    Case(
        "refund-twice.csv", REFUNDS, {"USD": "-16.00"}, {"sale": 2, "return": 2},
        flagged={"RETURNS_EXCEED_SALES": 2},
        notes=("RETURNS_EXCEED_SALES: transaction 7001: 56.00 USD were returned, 40.00 sold",),
    ),
    Case(
        "multiplied-rows.csv", layout(duplicate_key=["order", "line"]), {"EUR": "175.00"}, {"sale": 6},
        flagged={"CONFLICTING_DUPLICATE": 2},
        notes=(
            "CONFLICTING_DUPLICATE: transaction T2: rows of one line have the amounts 55.0000 EUR, 60.0000 EUR; the"
            " largest counts",
        ),
    ),
    Case(
        "currencies.csv", layout(), {"EUR": "124.00", "SEK": "1240.00", "JPY": "9900", "KWD": "21.345"}, {"sale": 5}
    ),
    Case(
        "minor-units.csv", layout({"unit_price": {"column": "price", "minor_units": True}}),
        {"USD": "19.99", "JPY": "1700", "KWD": "24.690"}, {"sale": 3},
    ),
    Case(
        "gift-card.csv",
        layout(NAMED, non_products=[{"matches": "GIFT-.*", "category": "Gift card", "adjustment": True}]),
        {"EUR": "140.00"}, {"sale": 2, "adjustment": 1}, flagged={"NON_PRODUCT": 1},
    ),
    Case("tips.csv", layout(), {"USD": "40.50"}, {"sale": 2}),
    Case("tax-in-total.csv", layout(), {"EUR": "299.99"}, {"sale": 2}),
    Case(
        "amazon-settlement-de.txt", SETTLEMENT, {"EUR": "1141.18"}, {"sale": 1, "adjustment": 1},
        flagged={"IMPUTED_QUANTITY": 1}, skipped=1,
        notes=(
            "amazon-settlement-de.txt, line 2, column 'total-amount': the total 1,141.1800 is the sum of the lines",
        ),
    ),
    Case("stray-quotes.txt", layout(NAMED, format={"quote": "none"}), {"USD": "545.00"}, {"sale": 4}),
    Case("newline-in-field.csv", layout(NAMED), {"EUR": "35.00"}, {"sale": 3}, flagged={"CLEANED_TEXT": 1}),
    Case("trailing-rows-only.csv", layout(), {"EUR": "26.00"}, {"sale": 2}),
    Case("trailing-everywhere.csv", layout(), {"EUR": "26.00"}, {"sale": 2}),
    Case("dots.csv", layout(format={"decimal": ",", "thousands": "."}), {"EUR": "1001299.99"}, {"sale": 2}),
    Case("no-break-spaces.csv", layout(format={"decimal": ",", "thousands": " "}), {"CZK": "12837.63"}, {"sale": 3}),
    Case(
        "misplaced.csv", layout(format={"thousands": ","}), {"USD": "1299.99"}, {"sale": 1},
        rejected=dict.fromkeys((3, 4, 5), "NOT_A_NUMBER"),
    ),
    Case(
        "signs.csv", layout(format={"thousands": ",", "currency_signs": SIGNS}),
        {"USD": "1240.55", "EUR": "9.13"}, {"sale": 4}, rejected={6: "CURRENCY_MISMATCH"},
    ),
    Case("signs.csv", layout(), {}, {}, rejected=dict.fromkeys(range(2, 7), "NOT_A_NUMBER")),
    Case(
        "brackets.csv", layout(format={"signs": ["brackets"]}), {"USD": "0.00"}, {"sale": 1, "return": 1},
        rejected={4: "NEGATIVE_PRICE"},
    ),
    Case(
        "plus.csv", layout(format={"decimal": ",", "signs": ["plus"]}), {"EUR": "0.00"}, {"sale": 1, "return": 1}
    ),
    Case("discount.csv", layout({"unit_price": None, "total_amount": "paid"}), {"EUR": "153.75"}, {"sale": 3}),
    Case("discount.csv", layout({"net_amount": "paid"}), {"EUR": "153.75"}, {"sale": 3}),
    Case("order-discount.csv", layout(ORDER_DISCOUNT), {"EUR": "25.00"}, {"sale": 2}),
    Case(
        "discount.csv", layout({"discount_amount": {"column": "discount", "unit": "percent"}}), {"EUR": "153.75"},
        {"sale": 3},
    ),
    Case(
        "edited.csv",
        layout({"quantity": "current_quantity", "discounted_quantity": "quantity", "discount_amount": "discount"}),
        {"USD": "38.40"}, {"sale": 1},
    ),
    Case(
        "codes.csv", layout(NAMED), {"EUR": "10.00"}, {"sale": 10},
        flagged={"DAMAGED_CODE": 2, "SHARED_CODE": 2, "SPREADSHEET_CODE": 2},
        notes=("SHARED_CODE: product 4.01235E+12 has the names Bread, Milk",),
    ),
    Case(
        "serials.csv", layout({"sold_at": {"column": "when", "format": "excel"}}), {"EUR": "6.00"}, {"sale": 2},
        rejected={4: "INVALID_DATE"},
    ),
    Case(
        "serials.csv", layout({"sold_at": {"column": "when", "format": "epoch"}}), {}, {},
        rejected=dict.fromkeys((2, 3, 4), "INVALID_DATE"),
    ),
    Case(
        "duplicate-header.csv", layout(), {"EUR": "6.00"}, {"sale": 1},
        notes=("duplicate-header.csv: the column 'total' appears at 7 and 9; the layout uses none of them",),
    ),
    Case("orders.zip", layout(), {"EUR": "7.00"}, {"sale": 3}),
    Case("orders.xlsx", layout(), {"EUR": "60.17"}, {"sale": 2}),
    Case("sep-line.csv", layout(), {"EUR": "6.00"}, {"sale": 1}),
    *(
        Case(
            "report.csv", layout(**REPORT, format={"skip_lines": skip}), {"EUR": "26.00"}, {"sale": 2}, skipped=1,
            notes=(
                "report.csv, line 7, column 'qty': the total 3.0000 is the sum of the lines",
                "report.csv, line 7, column 'price': the total 26.0000 is the sum of the lines",
            ),
        )
        for skip in (3, "auto")
    ),
    Case(
        "two-tables.csv", layout(format={"ends_at": "blank_line"}), {"EUR": "26.00"}, {"sale": 2},
        notes=("two-tables.csv: left out from line 4 on, which is blank",),
    ),
    Case(
        "null-words.csv",
        layout({**NAMED, "customer_id": "customer", "customer_city": "city"},
               format={"missing": ["NULL", "N/A", "-"]}),
        {"EUR": "26.00"}, {"sale": 2},
        rejected={4: "MISSING_FIELD", 5: "NOT_A_NUMBER", 6: "MISSING_FIELD"},
    ),
    Case("cancelled.txt", CANCELLED, {"EUR": "6.00"}, {"sale": 1, "adjustment": 2}),
    Case("formulas.csv", layout(NAMED), {"EUR": "40.00"}, {"sale": 2}, rejected={2: "NOT_A_NUMBER"}),
]  # fmt: skip


def net(outcome: Outcome) -> dict[str, Decimal]:
    """Net money by currency as the warehouse will have it: of each line the largest amount."""
    found = outcome.connection.execute(
        "SELECT currency, sum(net_amount) FROM (SELECT currency, max(net_amount) AS net_amount FROM landed_records"
        " GROUP BY transaction_id, line_id, currency) GROUP BY currency"
    ).fetchall()
    return dict(found)


@pytest.mark.parametrize("case", ENDED, ids=lambda case: case.file)
def test_files_from_the_field_end_as_they_should(case: Case) -> None:
    with reading(CASES / case.file, layout=case.layout) as outcome:
        assert net(outcome) == {currency: Decimal(amount) for currency, amount in case.net.items()}
        assert Counter(outcome.landed("line_type")) == case.types
        assert {line: code for line, code, *_ in outcome.rejected()} == case.rejected
        assert {code: rows for code, rows in outcome.read.flagged.items() if rows} == case.flagged
        assert outcome.read.notes == case.notes
        assert (outcome.read.skipped, outcome.read.rows) == (
            case.skipped, sum(case.types.values()) + len(case.rejected),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "of_file", "kind", "message"),
    [
        ("stray-quotes.txt", layout(NAMED), StopRun, "write `quote: none` into `format` of the layout"),
        (
            "serials.csv",
            layout({"sold_at": {"column": "when", "format": "auto"}}),
            StopRun,
            "'46114.4375': these look like the serial numbers that Excel has for dates: declare `format: excel`",
        ),
        (
            "duplicate-header.csv",
            layout({"total_amount": "total"}),
            FixConfiguration,
            "'total', which the layout needs",
        ),
        ("report.csv", layout(), FixConfiguration, "the header is on line 4, not on line 1. Write `skip_lines: 3`"),
        ("two-tables.csv", layout(), StopRun, "from line 5 on another table begins (2 columns: Returned, order)"),
        (
            "tax-in-total.csv",
            layout({"total_amount": "total"}),
            StopRun,
            "total is more than quantity x price by exactly tax (15.00 in 2 rows)",
        ),
        (
            "tips.csv",
            layout({"total_amount": "total_collected"}),
            StopRun,
            "total_collected is more than quantity x price by exactly tax + tip (8.24 in 2 rows)",
        ),
        (
            "discount.csv",
            layout({"total_amount": "paid"}),
            StopRun,
            "paid is less than quantity x price (16.25 in 2 rows). Do not map it to `total_amount`, map it to"
            " `net_amount` if it is what was paid after a discount",
        ),
        (
            "order-discount.csv",
            layout({"transaction_total_amount": "order_total"}),
            StopRun,
            "the lines of the transaction do not add up to its total",
        ),
        ("signs.csv", layout(), StopRun, "format: {currency_signs: {'$': USD}} if $ means USD"),
    ],
)
def test_what_cannot_be_read_stops_the_load_and_says_what_to_do(
    file: str, of_file: SourceMapping, kind: type[RetailError], message: str
) -> None:
    with pytest.raises(kind) as caught, reading(CASES / file, layout=of_file, most=0.05):
        pass
    assert message in str(caught.value)


def test_a_sold_gift_card_is_money_and_not_a_sale() -> None:
    case = next(case for case in ENDED if case.file == "gift-card.csv")
    with reading(CASES / case.file, layout=case.layout) as found:
        assert sorted(found.landed("line_type", "product_category", "net_amount")) == [
            ("adjustment", "Gift card", Decimal(50)),
            ("sale", None, Decimal(45)),
            ("sale", None, Decimal(45)),
        ]


def test_the_price_follows_from_the_total_and_the_total_stays_exact() -> None:
    with reading(CASES / "line-total.csv", layout=layout({"unit_price": None, "total_amount": "line_total"})) as found:
        assert found.landed("unit_price") == [Decimal(price) for price in ("2.5", "10", "1.2", "3.3333")]
        assert found.landed("total_amount") == [Decimal(total) for total in ("100", "30", "1.2", "10")]


def test_a_price_that_follows_from_the_total_is_the_one_before_the_discount(tmp_path: Path) -> None:
    of_total = layout({"unit_price": None, "total_amount": "line_total", "discount_amount": "discount"})
    file = tmp_path / "sales.csv"
    file.write_text("order,line,when,sku,qty,line_total,discount,currency\n1,1,2026-05-04 09:00,A,2,9,1,EUR\n")
    with reading(file, layout=of_total) as found:
        assert found.landed("unit_price", "total_amount", "discount_amount", "net_amount") == [
            (Decimal("4.5"), Decimal(9), Decimal(1), Decimal(8))
        ]


def test_a_discount_on_the_order_is_spread_over_its_lines() -> None:
    with reading(CASES / "order-discount.csv", layout=layout(ORDER_DISCOUNT)) as found:
        assert found.landed("product_id", "discount_amount", "net_amount") == [
            ("CUP", Decimal("1.67"), Decimal("8.33")),
            ("JUG", Decimal("3.33"), Decimal("16.67")),
        ]


def test_what_was_paid_shows_the_discount() -> None:
    with reading(CASES / "discount.csv", layout=layout({"net_amount": "paid"})) as found:
        assert found.landed("total_amount", "discount_amount") == [
            (Decimal(100), Decimal(10)), (Decimal(20), Decimal(0)), (Decimal(50), Decimal("6.25")),
        ]  # fmt: skip


def test_a_settlement_has_business_dates_of_the_seller() -> None:
    with reading(CASES / "amazon-settlement-de.txt", layout=SETTLEMENT) as found:
        assert found.landed("sold_at", "unit_price", "quantity", "net_amount") == [
            ("2026-03-15 23:30:00+00", Decimal("58.82"), Decimal(1), Decimal("-58.82")),
            ("2026-03-15 23:30:00+00", Decimal(600), Decimal(2), Decimal(1200)),
        ]
        assert [day.isoformat() for day in found.read.days] == ["2026-03-16"]


def test_words_for_nothing_are_nothing() -> None:
    case = next(case for case in ENDED if case.file == "null-words.csv")
    with reading(CASES / case.file, layout=case.layout) as found:
        assert found.landed("product_name", "customer_id", "customer_city") == [
            ("Cup", "GUEST", None),
            (None, "K7", "Rome"),
        ]


def test_codes_keep_their_zeros() -> None:
    with reading(CASES / "codes.csv", layout=layout(NAMED)) as found:
        assert set(found.landed("product_id")) == {
            "0017", "17", "90.750", "90.75", "4.01235E+12", "12E5", "00123", "00456", "13085.0",
        }  # fmt: skip


def test_a_workbook_has_the_dates_and_codes_that_excel_shows() -> None:
    with reading(CASES / "orders.xlsx", layout=layout()) as found:
        assert found.landed("transaction_id", "product_id", "sold_at") == [
            ("1001", "0017", "2026-04-02 08:30:00+00"),
            ("1002", "4012345678901", "2026-04-02 22:00:00+00"),
        ]
        [file] = found.read.files
        assert (file.name, file.compression, file.size_bytes) == (
            "orders.xlsx", "zip", (CASES / "orders.xlsx").stat().st_size,
        )  # fmt: skip


def test_a_file_in_an_archive_is_named_after_both() -> None:
    with reading(CASES / "orders.zip", layout=layout()) as found:
        assert [file.name for file in found.read.files] == ["orders.zip/export/orders.csv"]
