"""The layout decides which values are filled in, flagged and rejected, and all of them are counted."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.mapping.rules import catalogue, rules
from ingestion.models.reject_reasons import RejectReason
from tests.fakes.csv_sources import reading, row, rows, shop_layout, write


def filled(way: dict[str, Any], column: str = "Price", field: str = "unit_price") -> dict[str, Any]:
    return {field: {"column": column, "when_missing": way}}


PRICES = rows(
    row(Price="1.00"), row(Line=2, Price="2.00"), row(Line=3, Price="2.00"), row(Line=4, Price="9.00"),
    row(Line=5, Price=""), row(Line=6, Price="", Product="P2"), row(Line=7, Price="50", Product="P2"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("way", "fifth", "sixth"),
    [
        ({"use": "default", "value": "4.5"}, "4.5000", "4.5000"),
        ({"use": "mean"}, "12.8000", "12.8000"),
        ({"use": "median"}, "2.0000", "2.0000"),
        ({"use": "mode"}, "2.0000", "2.0000"),
        ({"use": "mean", "by": "product_id"}, "3.5000", "50.0000"),
        ({"use": "median", "by": "product_id"}, "2.0000", "50.0000"),
        ({"use": "mode", "by": "product_id"}, "2.0000", "50.0000"),
    ],
)
def test_an_empty_price_is_filled_in_by_the_layouts_strategy_and_flagged(
    tmp_path: Path, way: dict[str, Any], fifth: str, sixth: str
) -> None:
    layout = shop_layout(columns=filled(way))
    with reading(write(tmp_path / "sales.csv", PRICES), layout=layout) as outcome:
        assert [str(price) for price in outcome.landed("unit_price")[4:6]] == [fifth, sixth]
        assert outcome.flagged() == [("IMPUTED_UNIT_PRICE", "5"), ("IMPUTED_UNIT_PRICE", "6")]
        assert outcome.read.imputed == {"unit_price": 2}
        assert outcome.read.rejected == 0


def test_without_a_strategy_an_empty_price_rejects_its_row(tmp_path: Path) -> None:
    with reading(write(tmp_path / "sales.csv", PRICES)) as outcome:
        assert outcome.rejected() == [(6, "MISSING_FIELD", "Price", ""), (7, "MISSING_FIELD", "Price", "")]


def test_a_value_that_no_row_of_the_group_has_stays_missing_and_is_rejected(tmp_path: Path) -> None:
    content = rows(row(), row(Line=2, Price="", Product="P9"))
    layout = shop_layout(columns=filled({"use": "mean", "by": "product_id"}))
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        assert outcome.rejected() == [(3, "MISSING_FIELD", "Price", "")]
        assert outcome.landed("line_id") == ["1"]


def test_the_mode_of_a_text_is_filled_in_within_its_group(tmp_path: Path) -> None:
    content = rows(row(Name="Cup"), row(Line=2, Name="Cup"), row(Line=3, Name="Mug"), row(Line=4, Name=""))
    layout = shop_layout(columns=filled({"use": "mode", "by": "product_id"}, "Name", "product_name"))
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        assert outcome.landed("product_name") == ["Cup", "Cup", "Mug", "Cup"]


def test_a_default_replaces_an_empty_text(tmp_path: Path) -> None:
    layout = shop_layout(columns=filled({"use": "default", "value": "No's name"}, "Name", "product_name"))
    content = rows(row(Name=""), row(Line=2, Name=" "), row(Line=3))
    with reading(write(tmp_path / "a.csv", content), layout=layout) as outcome:
        assert outcome.landed("product_name") == ["No's name", "No's name", "Cup"]
        assert outcome.read.imputed == {"product_name": 2}
    with reading(write(tmp_path / "b.csv", rows(row(Name=""), row(Line=3))), layout=layout) as outcome:
        assert outcome.landed("product_name") == ["No's name", "Cup"]
        assert outcome.flagged() == [("IMPUTED_PRODUCT_NAME", "1")]


def test_an_unreadable_price_is_never_replaced(tmp_path: Path) -> None:
    layout = shop_layout(columns=filled({"use": "mean"}))
    with reading(write(tmp_path / "sales.csv", rows(row(), row(Line=2, Price="?"))), layout=layout) as outcome:
        assert outcome.rejected() == [(3, "NOT_A_NUMBER", "Price", "?")]


def test_a_missing_customer_is_a_guest_without_attributes_and_a_missing_name_is_counted(tmp_path: Path) -> None:
    layout = shop_layout(columns={"customer_city": "Name", "product_name": None})
    with reading(write(tmp_path / "a.csv", rows(row(Customer=" "), row(Line=2))), layout=layout) as outcome:
        assert outcome.landed("customer_id", "customer_city") == [("GUEST", None), ("C1", "Cup")]
        assert outcome.read.imputed == {"customer_id": 1, "product_name": 2}
    with reading(write(tmp_path / "b.csv", rows(row(Name="")))) as outcome:
        assert outcome.landed("product_name") == [None]
        assert outcome.read.imputed == {"product_name": 1}


@pytest.mark.parametrize(
    ("check", "changed", "code"),
    [
        ({"field": "transaction_id", "matches": "R[0-9]+"}, {"Receipt": "X1"}, "INVALID_FORMAT"),
        ({"field": "product_id", "one_of": ["P1"]}, {"Product": "P2"}, "NOT_ALLOWED"),
        ({"field": "quantity", "at_most": 10}, {"Qty": 11}, "OUT_OF_RANGE"),
        ({"field": "unit_price", "at_least": "0.01"}, {"Price": 0}, "OUT_OF_RANGE"),
        ({"field": "customer_id", "required": True}, {"Customer": ""}, "MISSING_FIELD"),
        ({"field": "product_name", "required": True}, {"Name": ""}, "MISSING_FIELD"),
        ({"field": "total_amount", "at_most": 100}, {"Qty": 9, "Price": 99}, "OUT_OF_RANGE"),
    ],
)
def test_the_severity_of_a_check_decides_between_rejecting_and_flagging(
    tmp_path: Path, check: dict[str, Any], changed: dict[str, Any], code: str
) -> None:
    path = write(tmp_path / "sales.csv", rows(row(), row(Line=2, **changed)))
    with reading(path, layout=shop_layout(checks=[check])) as outcome:
        assert outcome.landed("line_id") == ["1"]
        assert [(line, found) for line, found, *_ in outcome.rejected()] == [(3, code)]
    with reading(path, layout=shop_layout(checks=[{**check, "severity": "warning"}])) as outcome:
        rule = f"CHECK_{check['field'].upper()}"
        assert outcome.flagged() == [(rule, "2")]
        assert outcome.read.flagged == {rule: 1}


def test_outliers_are_flagged_and_kept(tmp_path: Path) -> None:
    content = rows(*(row(Line=number, Qty=number % 4 + 1) for number in range(1, 21)), row(Line=99, Qty=500))
    layout = shop_layout(outliers=[{"field": "quantity", "factor": 3}])
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        assert outcome.flagged() == [("OUTLIER_QUANTITY", "99")]
        assert outcome.read.landed == 21


def test_codes_of_non_products_are_classified_and_money_only_is_an_adjustment(tmp_path: Path) -> None:
    layout = shop_layout(
        non_products=[
            {"codes": ["POST"], "category": "Postage"},
            {"codes": ["FEE"], "category": "Fee", "adjustment": True},
            {"matches": "gift_.*", "category": "Gift voucher"},
        ]
    )
    content = rows(
        row(), row(Line=2, Product="POST"), row(Line=3, Product="FEE", Qty=-1), row(Line=4, Product="gift_0001_20")
    )
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        assert outcome.landed("line_type", "product_category", "net_amount") == [
            ("sale", None, Decimal(7)), ("sale", "Postage", Decimal(7)),
            ("adjustment", "Fee", Decimal("-3.5")), ("sale", "Gift voucher", Decimal(7)),
        ]  # fmt: skip
        assert outcome.flagged() == [("NON_PRODUCT", "2"), ("NON_PRODUCT", "3"), ("NON_PRODUCT", "4")]


def test_every_reject_reason_of_files_is_in_the_catalogue_with_a_description() -> None:
    known = catalogue()
    rejecting = {code for code, rule in known.items() if rule.severity == "error"}
    assert rejecting <= {reason.value for reason in RejectReason}
    assert all(rule.description.endswith(".") for rule in known.values())


def test_a_layouts_rules_name_its_fences_checks_and_strategies() -> None:
    layout = shop_layout(
        columns=filled({"use": "mean", "by": "product_id"}),
        outliers=[{"field": "quantity", "factor": 2}],
        checks=[{"field": "customer_id", "required": True, "severity": "warning"}],
    )
    found = {rule.code: (rule.severity, rule.description) for rule in rules(layout)}
    assert found["OUTLIER_QUANTITY"] == (
        "warning",
        "quantity more than 2 interquartile ranges outside the quartiles. Kept.",
    )
    assert found["CHECK_CUSTOMER_ID"] == ("warning", "customer_id: not empty. Kept.")
    assert found["IMPUTED_UNIT_PRICE"] == (
        "warning",
        "unit_price was empty and was replaced with the mean of the same product_id.",
    )
