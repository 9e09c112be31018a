from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.end_to_end.checkout import Checkout
from tests.end_to_end.running_platform import EVERYONE

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Demo:
    """One run of the demo."""

    status: int
    output: str
    record: dict[str, Any]
    left_running: list[str]


@pytest.fixture(scope="module")
def demos(checkout: Checkout) -> tuple[Demo, Demo]:
    """The demo, and the demo again."""

    def run() -> Demo:
        status, output = checkout.run("demo")
        return Demo(status, output, checkout.demo_record(), checkout.processes())

    return run(), run()


@pytest.fixture
def first(demos: tuple[Demo, Demo]) -> Demo:
    return demos[0]


@pytest.fixture
def second(demos: tuple[Demo, Demo]) -> Demo:
    return demos[1]


def rows(demo: Demo) -> list[dict[str, Any]]:
    return [row for days in demo.record["retailers"].values() for row in days.values()]


def test_it_succeeds_and_leaves_nothing_running(first: Demo) -> None:
    assert first.status == 0, first.output
    assert first.record["ok"] is True
    assert first.left_running == []


def test_it_loads_the_last_three_days_of_every_retailer(first: Demo) -> None:
    today = datetime.now(UTC).date()
    days = {(today - timedelta(days=back)).isoformat() for back in (1, 2, 3)}

    assert set(first.record["retailers"]) == EVERYONE
    assert all(set(by_day) == days for by_day in first.record["retailers"].values())
    assert all(row["landed"] > 0 and row["inserted"] > 0 for row in rows(first))


def test_every_record_and_every_cent_is_reconciled(first: Demo) -> None:
    assert first.record["reconciled"] is True
    for row in rows(first):
        assert row["fetched"] == row["landed"] + row["rejected"]
        assert row["landed"] == row["inserted"] + row["updated"] + row["unchanged"] + row["duplicate"]
        assert all(Decimal(amount) for amount in row["net_amount"].values())


def test_quality_views_and_postgres_are_shown(first: Demo) -> None:
    assert first.record["quality"]["outcome"] == "pass"
    assert first.record["quality"]["score"] > 90
    assert len(first.record["views"]) == 2
    assert all(lines for lines in first.record["views"].values())
    assert int(first.record["postgres"]["version"].split(".")[0]) >= 14
    for expected in ("Reconciled", "Quality: pass", "mv_daily_sales_summary", "Where to look next"):
        assert expected in first.output


def test_a_second_run_changes_nothing(first: Demo, second: Demo) -> None:
    assert second.status == 0, second.output
    assert second.record["changed_rows"] == 0
    assert second.record["warehouse_digest"] == first.record["warehouse_digest"]
    assert all(row["unchanged"] + row["duplicate"] == row["landed"] for row in rows(second))
    assert "exactly as it was before" in second.output
    assert second.left_running == []
