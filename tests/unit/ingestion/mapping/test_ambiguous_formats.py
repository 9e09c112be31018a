"""What a layout declares about its files is read, and nothing else is guessed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import FixConfiguration, StopRun
from tests.fakes.csv_sources import reading, row, rows, shop_layout, write


@pytest.mark.parametrize(
    ("format_", "price", "amount"),
    [
        ({"signs": ["trailing"], "decimal": ","}, '"5,00-"', "-10"),
        ({"signs": ["brackets"], "currency_signs": {"$": "GBP"}}, "($5.00)", "-10"),
        ({"currency_signs": {"$": "USD", "£": "GBP"}}, "-£5.00", "-10"),
        ({"currency_signs": {"GBP": "GBP"}}, "5.00 GBP", "10"),
        ({"currency_signs": {"kr": "GBP"}, "decimal": ",", "thousands": " "}, '"1\u202f005,00\u00a0kr"', "2010"),
        ({"thousands": "'"}, "1\u20191005.00", None),
        ({"thousands": "'"}, "1\u2019005.00", "2010"),
        ({"signs": ["plus"]}, "+5.00", "10"),
        ({"signs": ["plus", "trailing"]}, "+5.00-", None),
        ({"signs": ["brackets"]}, "(-5.00)", None),
        ({"signs": ["brackets"]}, "()", None),
        ({"currency_signs": {"$": "GBP"}}, "$", None),
        ({"currency_signs": {"$": "GBP", "£": "GBP"}}, "$5.00£", None),
        ({"currency_signs": {"$": "USD"}}, "$5.00", None),
        ({}, "$5.00", None),
        ({}, "(5.00)", None),
    ],
)
def test_signs_are_read_as_declared(tmp_path: Path, format_: dict[str, Any], price: str, amount: str | None) -> None:
    adjustments = [{"is": "adjustment", "where": {"unit_price": {"below": 0}}}, {"is": "sale"}]
    layout = shop_layout(format=format_, line_type=adjustments)
    delimiter = ";"
    content = rows(row(Price=price), row(Line=2)).replace(",", delimiter)
    content = content.replace(price.replace(",", delimiter), price)
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        landed = dict(outcome.landed("line_id", "net_amount"))
        assert landed.get("1") == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"format": {"currency_signs": {"5": "EUR"}}}, "cannot be a currency sign"),
        ({"format": {"currency_signs": {"€": "EURO"}}}, "is not a currency of ISO 4217"),
        ({"format": {"missing": [None]}}, "put it in quotes"),
        ({"format": {"skip_lines": -1}}, "greater than or equal to 0"),
        ({"format": {"signs": ["minus"]}}, "plus"),
        ({"skip_rows": [{"where": {}}]}, "at least 1 item"),
        ({"skip_rows": [{"where": {"Line": {}}}]}, "give `matches` or `one_of`"),
        ({"columns": {"unit_price": None}}, "nothing is mapped to unit_price"),
        (
            {"columns": {"unit_price": None, "total_amount": "Price"},
             "checks": [{"field": "unit_price", "at_least": 1}]},
            "no column is mapped to unit_price",
        ),
        ({"columns": {"quantity": {"column": "Qty", "minor_units": True}}}, "can have this key"),
        ({"columns": {"unit_price": {"column": "Price", "minor_units": 9}}}, "the number of decimals (0 to 6)"),
        ({"columns": {"product_id": {"column": "Product", "time_zone": "UTC"}}}, "can have this key"),
        ({"columns": {"sold_at": {"column": "When", "time_zone": "Berlin"}}}, "is not a time zone"),
        ({"columns": {"store_id": {"value": "x", "carry_down": True}}}, "only the columns of files"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_an_error(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError) as caught:
        shop_layout(**changed)
    assert fault in str(caught.value)


def test_order_fields_are_carried_down_within_their_transaction_and_file(tmp_path: Path) -> None:
    layout = shop_layout(
        columns={
            "transaction_id": {"column": "Receipt", "carry_down": True},
            "customer_id": {"column": "Customer", "carry_down": True},
            "product_name": {"column": "Name", "carry_down": True},
        },
        format={"missing": ["-"]},
    )
    first = rows(
        row(Receipt="A", Customer="C1", Name="Cup"),
        row(Receipt="", Line=2, Customer="-", Name='"a\nb"'),
        row(Receipt="B", Line=3, Customer="", Name=""),
        row(Receipt="", Line=4, Customer="C2", Name=""),
        row(Receipt="", Line=5, Customer="", Qty="x"),
    )
    second = rows(row(Receipt="", Line=6), row(Receipt="B", Line=7, Customer=""))
    files = write(tmp_path / "a.csv", first), write(tmp_path / "b.csv", second)
    with reading(*files, layout=layout) as outcome:
        assert outcome.landed("transaction_id", "line_id", "customer_id", "product_name") == [
            ("A", "1", "C1", "Cup"),
            ("A", "2", "C1", "a b"),
            ("B", "3", "GUEST", None),
            ("B", "4", "C2", None),
            ("B", "7", "GUEST", "Cup"),
        ]
        assert [(line, code) for line, code, *_ in outcome.rejected()] == [(7, "NOT_A_NUMBER"), (2, "MISSING_FIELD")]


def test_a_total_that_differs_from_its_lines_stops_the_load(tmp_path: Path) -> None:
    layout = shop_layout(skip_rows=[{"where": {"Receipt": {"matches": "Total.*"}}, "totals": {"quantity": "Qty"}}])
    good = rows(row(), row(Line=2, Qty=-1), row(Receipt="Total 1", Qty=1, Price=""))
    with reading(write(tmp_path / "sales.csv", good), layout=layout) as outcome:
        assert (outcome.read.skipped, outcome.read.rows, outcome.read.landed) == (1, 2, 2)
    bad = good.replace("Total 1,1,P1,Cup,1", "Total 1,1,P1,Cup,3")
    with (
        pytest.raises(StopRun, match=r"line 4, column 'Qty': the file's own total is 3.0000, but its 2 lines add up"),
        reading(write(tmp_path / "sales.csv", bad), layout=layout),
    ):
        pass
    unread = bad.replace("P1,Cup,2", "P1,Cup,many")
    with reading(write(tmp_path / "sales.csv", unread), layout=layout) as outcome:
        assert outcome.read.notes == (
            "sales.csv, line 4, column 'Qty': the total was not compared, because 1 row cannot be read",
        )


def test_a_footer_with_fewer_fields_is_left_out_too(tmp_path: Path) -> None:
    layout = shop_layout(skip_rows=[{"where": {"Receipt": {"one_of": ["Total"]}}, "totals": {"total_amount": "Line"}}])
    with reading(write(tmp_path / "sales.csv", rows(row(), "Total,7.00", "cut,off")), layout=layout) as outcome:
        assert (outcome.read.landed, outcome.read.skipped) == (1, 1)
        assert [(line, code) for line, code, *_ in outcome.rejected()] == [(4, "COLUMN_COUNT")]


def test_a_time_that_the_clocks_skipped_is_rejected_or_moved_forward_as_declared(tmp_path: Path) -> None:
    content = rows(row(When="31/03/2024 01:30"), row(Line=2, When="31/03/2024 00:30"))
    path = write(tmp_path / "sales.csv", content)
    with reading(path) as outcome:
        assert [(line, code) for line, code, *_ in outcome.rejected()] == [(2, "TIME_DOES_NOT_EXIST")]
    form = {"column": "When", "format": "%d/%m/%Y %H:%M", "when_skipped": "move_forward"}
    with reading(path, layout=shop_layout(columns={"sold_at": form})) as outcome:
        assert outcome.landed("sold_at") == ["2024-03-31 01:30:00+00", "2024-03-31 00:30:00+00"]
        assert outcome.flagged() == [("MOVED_TIME", "1")]


def test_a_time_of_another_zone_has_the_business_date_of_the_source(tmp_path: Path) -> None:
    form = {"column": "When", "format": "%d/%m/%Y %H:%M", "time_zone": "America/New_York"}
    content = rows(row(When="14/01/2024 19:30"), row(Line=2, When="10/03/2024 02:30"))
    with reading(write(tmp_path / "sales.csv", content), layout=shop_layout(columns={"sold_at": form})) as outcome:
        assert outcome.landed("sold_at", "business_date")[0][0] == "2024-01-15 00:30:00+00"
        assert [day.isoformat() for day in outcome.landed("business_date")] == ["2024-01-15"]
        assert [(line, code) for line, code, *_ in outcome.rejected()] == [(3, "TIME_DOES_NOT_EXIST")]


def test_few_rejected_rows_with_much_money_stop_the_load(tmp_path: Path) -> None:
    lines = [row(Line=number) for number in range(1, 40)]
    path = write(tmp_path / "sales.csv", rows(*lines, row(Line=40, Product="", Price="1000.00")))
    with pytest.raises(StopRun) as caught, reading(path, most=0.05):
        pass
    assert str(caught.value).startswith(
        "2,000.00 of 2,273.00 GBP were rejected (88.0% of the money, regardless of its sign; at most 5.0% is allowed):"
        " MISSING_FIELD 1."
    )


def test_a_repeated_column_that_the_layout_needs_is_an_error(tmp_path: Path) -> None:
    content = rows(row()).replace("Name", "Line")
    with (
        pytest.raises(
            FixConfiguration, match="'Line', which the layout needs, appears 2 times in the header: at 2 and"
        ),
        reading(write(tmp_path / "sales.csv", content), layout=shop_layout(columns={"product_name": None})),
    ):
        pass
