"""The real Online Retail file, row by row. The expected figures are in ../shared/data/README.md."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest

from ingestion.mapping.layouts import load_layout
from tests.fakes.csv_sources import Outcome, reading
from tests.fakes.online_retail import find_online_retail, read_days

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def outcome() -> Iterator[Outcome]:
    with reading(find_online_retail(), layout=load_layout("online_retail"), most=0.0) as found:
        yield found


def one(outcome: Outcome, query: str) -> tuple[object, ...]:
    found = outcome.connection.execute(query).fetchone()
    assert found is not None
    return found


def test_every_row_and_every_penny_is_landed(outcome: Outcome) -> None:
    read = outcome.read
    assert (read.rows, read.landed, read.rejected, len(read.days)) == (541_909, 541_909, 0, 305)
    assert one(outcome, "SELECT sum(net_amount) FROM landed_records") == (Decimal("9747747.934"),)
    assert read.rejected_by_code == {}


def test_only_exact_duplicates_share_a_key(outcome: Outcome) -> None:
    assert one(outcome, "SELECT count(DISTINCT (transaction_id, line_id)) FROM landed_records") == (536_641,)
    assert one(
        outcome, "SELECT sum(net_amount) FROM (SELECT DISTINCT ON (transaction_id, line_id) * FROM landed_records)"
    ) == (Decimal("9726006.954"),)
    assert one(
        outcome,
        "SELECT count(*) FROM (SELECT transaction_id, line_id FROM landed_records GROUP BY ALL"
        " HAVING count(DISTINCT landed_records) > 1)",
    ) == (0,)


def test_the_money_of_each_day_is_that_of_the_file(outcome: Outcome) -> None:
    days = read_days(find_online_retail(), date(2010, 12, 1), date(2011, 12, 9))
    found = outcome.connection.execute(
        "SELECT business_date, count(*), count(DISTINCT (transaction_id, line_id)), sum(net_amount)"
        " FROM landed_records GROUP BY business_date"
    ).fetchall()
    assert {day: tuple(rest) for day, *rest in found} == {
        day: (facts.rows, facts.distinct, facts.money + facts.duplicate_money) for day, facts in days.items()
    }


def test_guests_and_nameless_products_are_counted(outcome: Outcome) -> None:
    assert outcome.read.imputed == {"customer_id": 135_080, "product_name": 1_454}


def test_lines_are_classified_with_positive_measures_and_signed_net(outcome: Outcome) -> None:
    found = outcome.connection.execute(
        "SELECT line_type, count(*), sum(net_amount) FROM landed_records GROUP BY line_type ORDER BY line_type"
    ).fetchall()
    assert found == [
        ("adjustment", 2_138, Decimal("-325108.879")),
        ("return", 8_833, Decimal("-490663.71")),
        ("sale", 530_938, Decimal("10563520.523")),
    ]
    assert one(
        outcome,
        "SELECT count(*) FROM landed_records WHERE least(quantity, unit_price, total_amount) < 0"
        " OR abs(net_amount) <> total_amount OR abs(net_quantity) <> quantity",
    ) == (0,)
    assert one(
        outcome, "SELECT count(*) FROM landed_records WHERE transaction_id LIKE 'C%' AND line_type = 'sale'"
    ) == (0,)


def test_non_products_are_classified_and_outliers_are_flagged(outcome: Outcome) -> None:
    categories = dict(
        outcome.connection.execute(
            "SELECT product_category, count(*) FROM landed_records WHERE product_category IS NOT NULL GROUP BY ALL"
        ).fetchall()
    )
    assert categories == {
        "Bad debt": 3, "Bank charges": 37, "Charity commission": 16, "Discount": 77, "Gift voucher": 34,
        "Manual entry": 572, "Marketplace fee": 34, "Pads": 4, "Postage": 2_110, "Samples": 63,
    }  # fmt: skip
    assert outcome.read.flagged == {
        "OUTLIER_QUANTITY": 21_750, "OUTLIER_UNIT_PRICE": 12_850, "CHECK_UNIT_PRICE": 2_515, "NON_PRODUCT": 2_950,
    }  # fmt: skip
    assert one(outcome, "SELECT count(*) FROM flagged_rows") == (sum(outcome.read.flagged.values()),)


def test_names_are_trimmed_and_prices_keep_their_third_decimal(outcome: Outcome) -> None:
    assert one(outcome, "SELECT count(*) FROM landed_records WHERE product_name <> trim(product_name)") == (0,)
    assert one(outcome, "SELECT count(*) FROM landed_records WHERE unit_price <> round(unit_price, 2)") == (4,)
    assert one(outcome, "SELECT count(DISTINCT customer_id) FROM landed_records") == (4_373,)


def test_plain_and_packed_give_the_same_records(outcome: Outcome, tmp_path: Path) -> None:
    plain = tmp_path / "online_retail.csv"
    with pyarrow.input_stream(str(find_online_retail()), compression="zstd") as stream:
        plain.write_bytes(stream.read())
    subprocess.run(["gzip", "-1", "-k", str(plain)], check=True)
    query = "SELECT count(*), bit_xor(hash(landed_records)) FROM landed_records"
    wanted = one(outcome, query)
    for path in (plain, tmp_path / "online_retail.csv.gz"):
        with reading(path, layout=load_layout("online_retail")) as other:
            assert one(other, query) == wanted
            assert other.read.flagged == outcome.read.flagged
