"""How numbers, money and times are written, and where addresses lead."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from retail_quality.pages import Addresses, amount, count, day_name, duration, score, timestamp

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1234567.8000"), "1,234,567.80"),
        (Decimal("0.0050"), "0.0050"),
        (Decimal("-12.5"), "−12.50"),
        (Decimal(0), "0.00"),
        (None, "–"),
    ],
)
def test_money_has_thousands_apart_and_no_cent_is_rounded_away(value: Decimal | None, shown: str) -> None:
    assert amount(value) == shown


def test_counts_have_thousands_separators_and_unknown_is_not_zero() -> None:
    assert [count(value) for value in (1234567, 0, -5, None)] == ["1,234,567", "0", "−5", "–"]


def test_a_score_that_is_not_quite_full_is_not_shown_as_full() -> None:
    assert [score(value) for value in (100, 99.9999, 99.994, 95.4, 0, None)] == [
        "100", "99.99", "99.99", "95.40", "0", "–",
    ]  # fmt: skip


def test_dates_and_times_say_the_weekday_and_the_zone() -> None:
    assert (day_name(date(2024, 1, 5)), timestamp(NOON), timestamp(None)) == (
        "Fri 5 Jan 2024",
        "2024-01-15 12:00:00 UTC",
        "–",
    )


def test_durations_are_written_in_seconds_or_minutes() -> None:
    ends = [NOON + timedelta(seconds=seconds) for seconds in (3.44, 125)]

    assert [duration(NOON, end) for end in (*ends, None)] == ["3.4 s", "2 min 5 s", "not finished"]


def test_a_run_is_found_in_airflow_whatever_its_name_holds() -> None:
    at = Addresses("/airflow/retail", "/airflow")

    assert at.run("manual__2024-01-15T00:00:00+00:00/../x") == (
        "/airflow/dags/retail_data_pipeline/runs/manual__2024-01-15T00%3A00%3A00%2B00%3A00%2F..%2Fx"
    )
    assert at.run("r", "other dag") == "/airflow/dags/other%20dag/runs/r"
