"""What a quality report says of a load: counts, money, scores, fields, findings, days."""

from __future__ import annotations

import statistics
from datetime import date
from decimal import Decimal

import pytest

from data_quality.file_report.model import FieldReport, Finding, FindingKind, LoadReport
from tests.fakes.online_retail import find_online_retail
from tests.unit.data_quality.file_report.conftest import Reported, reported

SALE = ("536365", "P1", "LANTERN", "6", "12/1/2010 8:26", "2.55", "17850", "United Kingdom")


def row(**changes: str) -> tuple[str, ...]:
    names = ("invoice", "code", "name", "quantity", "time", "price", "customer", "country")
    return tuple({**dict(zip(names, SALE, strict=True)), **changes}.values())


ROWS = (
    SALE,
    SALE,
    row(invoice="536366", name="LAMP", quantity="1", price="10", time="12/2/2010 9:00"),
    row(invoice="536367", code="P2", name="", quantity="3", price="1.5", customer=""),
    row(invoice="C536368", quantity="-2", country="France"),
    row(invoice="536369", quantity="lots"),
    row(invoice="536370", time="13/13/2010 8:26"),
)


@pytest.fixture
def report(report_of: Reported) -> LoadReport:
    return report_of(ROWS)


def field(report: LoadReport, name: str) -> FieldReport:
    return next(each for each in report.fields if each.name == name)


def finding(report: LoadReport, code: str) -> Finding:
    return next(each for each in report.findings if each.code == code)


def test_every_row_is_counted_once(report: LoadReport) -> None:
    counts = report.counts
    assert (counts.rows, counts.landed, counts.rejected) == (7, 5, 2)
    assert (counts.distinct, counts.duplicates) == (4, 1)


def test_the_money_is_exact_and_signed(report: LoadReport) -> None:
    landed = 2 * 6 * Decimal("2.55") + 10 + 3 * Decimal("1.5") - 2 * Decimal("2.55")
    assert [(each.currency, each.landed) for each in report.money] == [("GBP", landed)]


def test_days_have_their_rows_and_money(report: LoadReport) -> None:
    days = {day.business_date: day for day in report.days}
    assert (days[date(2010, 12, 1)].landed, days[date(2010, 12, 2)].landed) == (4, 1)
    assert days[date(2010, 12, 2)].net_amounts == {"GBP": Decimal(10)}
    assert sum(day.rejected for day in report.days) == 2


def test_a_field_is_described_before_and_after(report: LoadReport) -> None:
    before, after = field(report, "customer_id").before, field(report, "customer_id").after
    assert before is not None
    assert after is not None
    assert (before.rows, before.filled) == (7, 6)
    assert (after.rows, after.filled, after.distinct) == (5, 5, 2)
    assert [(each.value, each.rows) for each in after.frequent] == [("17850", 4), ("GUEST", 1)]
    assert (after.shortest, after.longest) == (5, 5)


def test_numbers_have_the_statistics_that_python_finds(report: LoadReport) -> None:
    after = field(report, "net_amount").after
    assert after is not None
    amounts = [15.30, 15.30, 10, 4.5, -5.10]
    assert after.mean == pytest.approx(statistics.mean(amounts))
    assert after.median == pytest.approx(statistics.median(amounts))
    assert after.deviation == pytest.approx(statistics.stdev(amounts))
    assert (after.minimum, after.maximum, after.distinct) == ("-5.1000", "15.3000", 4)
    assert field(report, "net_amount").before is None


def test_an_even_number_of_rows_has_the_median_between_the_middle_ones(report_of: Reported) -> None:
    prices = ("1", "2", "4", "100")
    report = report_of([row(invoice=f"53636{number}", price=price) for number, price in enumerate(prices)])
    before = field(report, "unit_price").before
    assert before is not None
    assert before.median == 3


def test_rejected_rows_have_file_line_column_and_value(report: LoadReport) -> None:
    rejected = finding(report, "NOT_A_NUMBER")
    assert (rejected.kind, rejected.severity, rejected.rows) == (FindingKind.REJECTED, "error", 1)
    assert rejected.examples[0].startswith("sales.csv, line 7: Quantity = 'lots'")
    assert finding(report, "INVALID_DATE").examples[0].startswith("sales.csv, line 8: InvoiceDate")


def test_values_that_were_filled_in_are_listed_by_rule(report: LoadReport) -> None:
    guests = finding(report, "GUEST")
    assert (guests.kind, guests.severity, guests.rows) == (FindingKind.IMPUTED, "info", 1)
    assert finding(report, "UNKNOWN_PRODUCT_NAME").description


def test_the_dimensions_follow_their_formulas(report: LoadReport) -> None:
    measured = {each.name: each.measured for each in report.score.dimensions}
    # 8 fields of 7 rows; a name and a customer are missing, a quantity and a time cannot be read.
    assert measured["completeness"] == int(10_000 * (1 - 4 / 56)) / 100
    assert measured["validity"] == int(10_000 * 5 / 7) / 100
    assert measured["uniqueness"] == 80.0
    # Of 4 named rows 3 name the product as most do; of 4 placed ones 3 place the customer as most do.
    assert measured["consistency"] == 75.0
    assert not report.score.passed


def test_a_file_load_is_scored_by_the_formula_of_the_daily_checks(report: LoadReport) -> None:
    dimensions = report.score.dimensions
    for each in dimensions:
        assert each.score == pytest.approx(min(100, 100 * each.measured / each.threshold), abs=0.02), each.name
    scores = {each.name: each.score for each in dimensions}
    assert (scores["accuracy"], scores["uniqueness"]) == (58.82, 84.21)  # 50 of 85, 80 of 95
    weights = {each.name: each.weight for each in dimensions}
    assert weights == {"completeness": 25, "validity": 15, "accuracy": 25, "uniqueness": 10, "consistency": 20}
    mean = sum(scores[name] * weight for name, weight in weights.items()) / 95
    assert report.score.overall == pytest.approx(mean, abs=0.011)


def test_a_load_that_reaches_every_threshold_scores_100(report_of: Reported) -> None:
    report = report_of([row(invoice=f"53636{number}") for number in range(9)])
    assert (report.score.overall, report.score.passed) == (100.0, True)


def test_the_report_leaves_nothing_behind_and_may_be_built_again(report_of: Reported) -> None:
    assert report_of(ROWS) == report_of(ROWS)


def test_a_file_of_which_nothing_landed_has_a_report(report_of: Reported) -> None:
    report = report_of([row(quantity="none"), row(quantity="NaN")])
    assert (report.counts.landed, report.counts.rejected) == (0, 2)
    validity = {each.name: each for each in report.score.dimensions}["validity"]
    assert (validity.measured, validity.score) == (0, 0)
    assert report.as_dict()["score"]["passed"] is False


@pytest.mark.real_data
def test_the_facts_of_online_retail_come_out() -> None:
    report = reported(find_online_retail())
    counts = report.counts
    assert (counts.rows, counts.rejected, counts.duplicates, counts.distinct) == (541_909, 0, 5_268, 536_641)
    assert [(each.currency, each.landed) for each in report.money] == [("GBP", Decimal("9747747.934"))]
    assert (len(report.days), max(day.landed for day in report.days)) == (305, 5_331)
    without = {
        name: before.rows - before.filled
        for name in ("customer_id", "product_name")
        if (before := field(report, name).before)
    }
    assert without == {"customer_id": 135_080, "product_name": 1_454}
    distinct = {name: before.distinct for name in ("transaction_id", "customer_id", "customer_country", "product_id")
                if (before := field(report, name).before)}  # fmt: skip
    assert distinct == {"transaction_id": 25_900, "customer_id": 4_372, "customer_country": 38, "product_id": 4_070}
