"""What a draft is certain of, what it marks, and that it never guesses money."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from shared.currencies import CURRENCIES
from shared.errors import FixConfiguration
from tests.fakes.csv_sources import write
from tests.fakes.drafts import Drafted, drafted

HEADER = "order,line,when,sku,qty,price,currency"


def draft_of(tmp_path: Path, *rows: str, header: str = HEADER, zone: str | None = "Europe/Berlin") -> Drafted:
    return drafted(write(tmp_path / "sales.csv", "\n".join((header, *rows)) + "\n"), time_zone=zone)


def test_the_time_zone_is_a_question_unless_it_is_given(tmp_path: Path) -> None:
    row = "A,1,2024-01-15 10:00,S,1,2.00,EUR"
    assert "time_zone" in draft_of(tmp_path, row, zone=None).marked
    assert "time_zone" not in draft_of(tmp_path, row).marked


def test_the_order_of_day_and_month_is_shown_with_its_evidence(tmp_path: Path) -> None:
    rows = [f"A,{day},{day:02}/02/2024 10:00,S,1,2.00,EUR" for day in (1, 2, 13)]
    found = draft_of(tmp_path, *rows)
    assert found.columns["sold_at"] == {"column": "when", "format": "%d/%m/%Y %H:%M"}
    assert found.notes("sold_at") == "'13/02/2024 10:00' in line 4 shows the order of day and month."
    assert "sold_at" not in found.marked


def test_an_order_of_day_and_month_that_nothing_shows_is_marked_and_stops_a_load(tmp_path: Path) -> None:
    found = draft_of(tmp_path, "A,1,01/02/2024 10:00,S,1,2.00,EUR", "B,1,03/02/2024 10:00,S,1,2.00,EUR")
    assert found.columns["sold_at"] == {"column": "when", "format": "auto"}
    assert "every date can be read with the day first and with the month first" in found.checks("sold_at")


def test_two_orders_of_day_and_month_are_marked_with_both_rows(tmp_path: Path) -> None:
    found = draft_of(tmp_path, "A,1,13/02/2024 10:00,S,1,2.00,EUR", "B,1,02/14/2024 10:00,S,1,2.00,EUR")
    marked = found.checks("sold_at")
    assert ("'13/02/2024 10:00' in line 2" in marked, "'02/14/2024 10:00' in line 3" in marked) == (True, True)


def test_a_price_without_a_proof_is_marked(tmp_path: Path) -> None:
    found = draft_of(tmp_path, "A,1,2024-01-15,S,2,2.00,EUR", "B,1,2024-01-15,S,3,4.00,EUR")
    assert found.columns["unit_price"] == "price"
    assert "no other column proves" in found.checks("unit_price")


def test_a_price_is_proved_by_arithmetic_whatever_the_names_say(tmp_path: Path) -> None:
    """`price` is the total of the line here, and `amount` the price of one piece."""
    header = "order,line,when,sku,qty,price,amount,currency"
    rows = [f"A,{line},2024-01-15,S,{line},{line * 3}.00,3.00,EUR" for line in range(1, 6)]
    found = draft_of(tmp_path, *rows, header=header)
    assert (found.columns["unit_price"], found.columns["total_amount"]) == ("amount", "price")
    assert found.notes("unit_price") == (
        "qty × amount = price in all 5 rows that have these values, such as 2 × 3.00 = 6.00 in line 3."
    )
    with found.loaded() as outcome:
        assert sum(outcome.landed("net_amount")) == Decimal("45.00")


def test_one_row_that_does_not_add_up_disproves_it(tmp_path: Path) -> None:
    header = "order,line,when,sku,qty,price,total,currency"
    rows = [f"A,{line},2024-01-15,S,{line},3.00,{line * 3}.00,EUR" for line in range(1, 6)]
    found = draft_of(tmp_path, *rows, "A,9,2024-01-15,S,2,3.00,5.99,EUR", header=header)
    assert "total_amount" not in found.columns
    assert "total is not mapped: 2 × 3.00 is not 5.99 in line 7" in found.checks("unit_price")


def test_few_rows_are_not_enough_of_a_proof(tmp_path: Path) -> None:
    header = "order,line,when,sku,qty,price,total,currency"
    found = draft_of(tmp_path, "A,1,2024-01-15,S,2,3.00,6.00,EUR", "A,2,2024-01-15,S,1,4.00,4.00,EUR", header=header)
    assert found.columns["total_amount"] == "total"
    assert "only 1 of 2 rows shows it" in found.checks("unit_price")


def test_a_total_with_tax_proves_the_price_and_is_not_mapped(tmp_path: Path) -> None:
    header = "order,line,when,sku,qty,price,tax,total,currency"
    rows = ["A,1,2024-01-15,S,2,10.00,1.00,21.00,EUR", "A,2,2024-01-15,S,3,5.00,1.50,16.50,EUR",
            "A,3,2024-01-15,S,4,1.00,0.40,4.40,EUR"]  # fmt: skip
    found = draft_of(tmp_path, *rows, header=header)
    assert "qty × price + tax = total in all 3 rows" in found.notes("unit_price")
    assert ("unit_price" in found.marked, "total_amount" in found.columns) == (False, False)
    assert found.draft.marks == ("no field has the amounts of tax. Are they part of the price?",)


def test_a_second_price_that_also_gives_a_total_is_named(tmp_path: Path) -> None:
    header = "order,line,when,sku,qty,price,total,unit_cost,total_cost,currency"
    rows = [f"A,{n},2024-01-15,S,{n},3.00,{n * 3}.00,2.00,{n * 2}.00,EUR" for n in range(1, 6)]
    found = draft_of(tmp_path, *rows, header=header)
    assert (found.columns["unit_price"], found.columns["total_amount"]) == ("price", "total")
    assert "qty × unit_cost = total_cost is right in every row, too" in found.checks("unit_price")


def test_without_a_price_of_one_piece_it_follows_from_the_total_of_the_line(tmp_path: Path) -> None:
    header = "order,line,when,sku,qty,line_total,currency"
    found = draft_of(tmp_path, "A,1,2024-01-15,S,40,100.00,USD", "A,2,2024-01-15,S,3,10.00,USD", header=header)
    assert "there is no price of one piece" in found.checks("total_amount")
    assert "quantity" not in found.marked
    with found.loaded() as outcome:
        assert outcome.landed("quantity", "net_amount") == [(40, Decimal(100)), (3, Decimal(10))]


def test_without_pieces_and_a_price_each_row_is_one_piece(tmp_path: Path) -> None:
    found = draft_of(tmp_path, "A,1,2024-01-15,S,100.00,USD", header="order,line,when,sku,line_total,currency")
    assert "is each row one piece?" in found.checks("quantity")
    with found.loaded() as outcome:
        assert outcome.landed("quantity", "net_amount") == [(1, Decimal(100))]


def test_signs_of_numbers_are_declared_with_their_evidence(tmp_path: Path) -> None:
    rows = ["A,1,2024-01-15,S,(1),€ 25.00,EUR", "A,2,2024-01-15,S,+2,25.00 €,EUR", "A,3,2024-01-15,S,3-,N/A,EUR"]
    found = draft_of(tmp_path, *rows)
    assert found.mapping().format.signs == ("brackets", "plus", "trailing")
    assert "'(1)' in line 2 (qty). '+2' in line 3 (qty). '3-' in line 4 (qty)." in found.notes("signs")
    assert found.mapping().format.currency_signs == {"€": "EUR"}
    assert found.mapping().format.missing == ("N/A",)
    assert "are rejected" not in found.checks("unit_price")
    with found.loaded() as outcome:
        assert outcome.landed("net_quantity", "net_amount") == [(-1, Decimal(-25)), (2, Decimal(50))]
        assert [code for _, code, *_ in outcome.rejected()] == ["MISSING_FIELD"]


def test_a_sign_that_currencies_share_is_that_of_the_source(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", "order,line,when,sku,qty,price\nA,1,2024-01-15,S,2,$2.50\n")
    found = drafted(path, "America/Toronto", "CAD")
    assert found.mapping().format.currency_signs == {"$": "CAD"}
    with found.loaded() as outcome:
        assert outcome.landed("currency", "net_amount") == [("CAD", Decimal(5))]


def test_fields_that_only_the_first_line_of_an_order_has_are_carried_down(tmp_path: Path) -> None:
    header = "order,when,sku,qty,price,currency,customer_id"
    rows = ["A,2024-01-15,S,1,2.00,EUR,C1", "A,,T,1,3.00,,", "B,2024-01-16,S,1,2.00,EUR,C2", "B,,T,2,3.00,,"]
    found = draft_of(tmp_path, *rows, header=header)
    assert {key: value for key, value in found.columns.items() if "carry_down" in str(value)} == {
        "sold_at": {"column": "when", "carry_down": True},
        "currency": {"column": "currency", "carry_down": True},
        "customer_id": {"column": "customer_id", "carry_down": True},
    }
    assert "line 3, a further line of the order above it" in found.notes("currency")
    with found.loaded() as outcome:
        assert outcome.landed("transaction_id", "customer_id") == [("A", "C1"), ("A", "C1"), ("B", "C2"), ("B", "C2")]


def test_an_order_without_a_customer_does_not_get_that_of_another(tmp_path: Path) -> None:
    header = "order,when,sku,qty,price,currency,customer_id"
    rows = ["A,2024-01-15,S,1,2.00,EUR,C1", "A,2024-01-15,T,1,3.00,EUR,", "B,2024-01-16,S,1,2.00,EUR,"]
    assert draft_of(tmp_path, *rows, header=header).columns["customer_id"] == "customer_id"


def test_without_a_currency_nothing_can_be_loaded_until_the_user_sets_it(tmp_path: Path) -> None:
    header = "order,line,when,sku,qty,price"
    found = draft_of(tmp_path, "A,1,2024-01-15,S,2,2.00", header=header)
    assert found.columns["currency"] == {"value": "XXX"}
    with pytest.raises(FixConfiguration, match="'XXX': not an ISO 4217 currency"), found.loaded():
        pass


@pytest.mark.parametrize(
    ("header", "price", "currency", "why"),
    [
        ("order,line,when,sku,qty,price", '"€ 2.50"', "EUR", "from the sign in '€ 2.50' in line 2"),
        ("order,line,when,sku,qty,price", "$2.50", "XXX", "that of several currencies"),
        ("order,line,when,sku,qty,price (GBP)", "2.50", "GBP", "from the name 'price (GBP)'"),
        ("order,line,when,sku,qty,price £", "2.50", "GBP", "from the name 'price £'"),
    ],
)
def test_a_currency_is_taken_from_signs_and_names_and_marked(
    header: str, price: str, currency: str, why: str, tmp_path: Path
) -> None:
    found = draft_of(tmp_path, f"A,1,2024-01-15,S,2,{price}", header=header)
    assert found.columns["currency"] == {"value": currency}
    assert why in found.checks("currency")


def test_columns_without_names_that_say_anything_are_found_by_their_values(tmp_path: Path) -> None:
    header = "f1,f2,f3,f4,f5,f6,f7"
    rows = [f"T{n // 2},2024-01-{n + 10},P{n % 3},{n % 3 + 1},5.00,{(n % 3 + 1) * 5}.00,EUR" for n in range(8)]
    found = draft_of(tmp_path, *rows, header=header)
    assert found.columns["sold_at"] == "f2"
    assert found.columns["currency"] == "f7"
    assert (found.columns["quantity"], found.columns["unit_price"]) == ("f4", "f5")
    assert [entry.key for entry in found.draft.missing] == ["product_id"]
    assert {"sold_at", "currency", "quantity", "transaction_id", "unit_price"} <= set(found.marked)


def test_a_returns_column_is_drafted_with_its_values_and_marked(tmp_path: Path) -> None:
    header = "Beleg;Datum;Artikel;Menge;Preis;Währung;Vorgangsart"
    found = draft_of(
        tmp_path,
        "1;15.01.2024;A;2;3,00;EUR;Verkauf",
        "2;16.01.2024;A;1;3,00;EUR;Retoure",
        "3;17.01.2024;A;1;3,00;EUR;Storniert",
        "4;18.01.2024;A;1;3,00;EUR;Probe",
        header=header,
    )
    assert found.draft.line_type is not None
    assert found.draft.line_type.value == [
        {"is": "void", "where": {"line_type": {"one_of": ["Storniert"]}}},
        {"is": "return", "negate": True, "where": {"line_type": {"one_of": ["Retoure"]}}},
        {"is": "sale", "where": {"line_type": {"one_of": ["Verkauf", "Probe"]}}},
    ]
    assert "not known, and taken for a sale: Probe." in found.text
    with found.loaded() as outcome:
        assert outcome.landed("net_amount") == [Decimal("6.00"), Decimal("-3.00"), Decimal("0.00"), Decimal("3.00")]


def test_a_number_that_can_be_a_thousand_or_have_three_decimals_is_marked(tmp_path: Path) -> None:
    found = draft_of(tmp_path, 'A,1,2024-01-15,S,2,"1,234",EUR')
    assert "can be a number with three decimals or one above a thousand" in found.checks("decimal")
    with found.loaded() as outcome:
        assert outcome.rejected()[0][1] == "NOT_A_NUMBER"


def test_values_that_would_be_rejected_are_shown(tmp_path: Path) -> None:
    others = (f"A,2,2024-01-15,S,2,25.00,{code}" for code in ("usd", *sorted(CURRENCIES)[:12]))
    found = draft_of(tmp_path, "A,1,2024-01-15,S,1%,25.00,dollars", *others)
    assert "'1%' in line 2, with '%' around the number" in found.checks("quantity")
    assert "'dollars' in line 2" in found.checks("currency")


def test_a_file_without_sales_says_what_is_missing_and_why(tmp_path: Path) -> None:
    found = draft_of(tmp_path, "1,46114,x", header="order,when,colour")
    assert [entry.key for entry in found.draft.missing] == ["product_id", "unit_price", "sold_at"]
    assert "when has its name, but values that cannot be read, such as '46114' in line 2" in found.checks("sold_at")
    assert "    # sold_at:" in found.text


def test_names_that_yaml_or_a_terminal_would_misread_stay_what_they_are(tmp_path: Path) -> None:
    header = 'order,date,sku: #1,qty,"unit price\nnet",currency,yes'
    found = draft_of(tmp_path, "1,2024-01-15,S,2,2.00,EUR,a", header=header)
    mapping = found.mapping()
    assert mapping.columns["unit_price"].column == "unit price\nnet"


def test_a_line_number_that_two_rows_share_is_marked(tmp_path: Path) -> None:
    found = draft_of(tmp_path, "A,1,2024-01-15,S,2,2.00,EUR", "A,1,2024-01-15,S,3,2.00,EUR")
    assert "two different rows have the line 1 of A, the second in line 3" in found.checks("line_id")
