"""Late and corrected records and gaps are found, and nothing is read again unnecessarily."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

RETAILERS = ("retailer_1", "retailer_2", "retailer_3")
LONG = pytest.mark.long


def morning_after(day: str) -> str:
    return f"{date.fromisoformat(day) + timedelta(days=1)}T06:00:00Z"


def publish(platform: Platform, retailer_id: str, *days: str) -> None:
    """Pretend that the transformation loaded what is landed for these dates, the last one being the day of the run."""
    platform.execute(
        "INSERT INTO ops.pipeline_metadata"
        " (retailer_id, last_processed_date, changes_read_until, changes_position) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (retailer_id) DO UPDATE SET changes_read_until = excluded.changes_read_until,"
        " changes_position = excluded.changes_position,"
        " last_processed_date = greatest(pipeline_metadata.last_processed_date, excluded.last_processed_date)",
        retailer_id,
        days[-1],
        platform.manifest(retailer_id, days[-1]).window.changes_until,
        platform.manifest(retailer_id, days[-1]).window.changes_to_position,
    )
    platform.execute(
        "INSERT INTO dim_retailer (retailer_id, retailer_name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        retailer_id,
        retailer_id,
    )
    for day in days:
        platform.execute(
            "WITH version AS (INSERT INTO ops.data_versions"
            " (run_id, retailer_key, load_path, code_version, published_at)"
            " SELECT 'r', retailer_key, 'merge', 'v', now() FROM dim_retailer WHERE retailer_id = %s RETURNING load_id)"
            " INSERT INTO ops.load_ledger SELECT load_id, %s, %s, 'r', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, %s, now()"
            " FROM version",
            retailer_id,
            retailer_id,
            day,
            platform.manifest(retailer_id, day).sha256,
        )


def run_pipeline(platform: Platform, vendors: dict[str, Vendor], retailer_id: str, day: str) -> list[str]:
    """Run ingestion for a day and publish it. Returns the dates it landed."""
    vendors[retailer_id].clock(morning_after(day))
    result = platform.ingest(day, retailer_id, since_watermark=True)
    assert result.ok, result.as_dict()
    landed = [str(each.business_date) for each in result.results[0].dates]
    other_dates = [str(each) for each in platform.manifest(retailer_id, day).other_dates]
    publish(platform, retailer_id, *other_dates, day)
    return landed


@pytest.mark.parametrize("retailer_id", [pytest.param(each, marks=LONG) for each in RETAILERS])
def test_successive_runs_end_with_what_the_retailer_reports(
    platform: Platform, vendors: dict[str, Vendor], retailer_id: str
) -> None:
    days = [f"2024-01-{day:02d}" for day in range(8, 14)]
    landed = {day: run_pipeline(platform, vendors, retailer_id, day) for day in days}

    assert landed[days[0]] == [days[0]], "the first run reads only its own day"
    rewritten = {each for day in days for each in landed[day] if each != day}
    assert rewritten, "in six days, some receipt was late or corrected"
    assert all(landed[day][-1] == day for day in days)
    final = {day: platform.raw(retailer_id, day) for day in days}
    for day in days:
        platform.ingest(day, retailer_id)
    assert {day: platform.raw(retailer_id, day) for day in days} == final


@pytest.mark.parametrize("retailer_id", [*(pytest.param(each, marks=LONG) for each in RETAILERS[:2]), RETAILERS[2]])
def test_a_second_run_of_a_day_reads_only_its_own_day(
    platform: Platform, vendors: dict[str, Vendor], retailer_id: str
) -> None:
    for day in ("2024-01-08", "2024-01-09", "2024-01-10"):
        run_pipeline(platform, vendors, retailer_id, day)

    assert run_pipeline(platform, vendors, retailer_id, "2024-01-10") == ["2024-01-10"]
    assert platform.manifest(retailer_id, "2024-01-10").other_dates == ()


@pytest.mark.long
def test_dates_that_were_landed_but_never_loaded_are_named_again(
    platform: Platform, vendors: dict[str, Vendor]
) -> None:
    retailer_id, days = "retailer_1", [f"2024-01-{day:02d}" for day in range(8, 13)]
    for day in days[:-1]:
        run_pipeline(platform, vendors, retailer_id, day)
    vendors[retailer_id].clock(morning_after(days[-1]))
    first = platform.ingest(days[-1], retailer_id, since_watermark=True)  # its transformation fails
    rewritten = [str(each.business_date) for each in first.results[0].dates[:-1]]
    assert rewritten

    again = platform.ingest(days[-1], retailer_id, since_watermark=True)

    assert [str(each.business_date) for each in again.results[0].dates] == [days[-1]]
    assert [str(each) for each in platform.manifest(retailer_id, days[-1]).other_dates] == rewritten


@pytest.mark.long
def test_dates_missed_while_a_retailer_was_down_are_filled(platform: Platform, vendors: dict[str, Vendor]) -> None:
    run_pipeline(platform, vendors, "retailer_2", "2024-01-08")

    landed = run_pipeline(platform, vendors, "retailer_2", "2024-01-12")

    assert landed[-4:] == ["2024-01-09", "2024-01-10", "2024-01-11", "2024-01-12"]
    assert {str(each) for each in platform.manifest("retailer_2", "2024-01-12").other_dates} >= set(landed[-4:-1])


@pytest.mark.long
def test_a_gap_too_long_for_one_run_is_reported(platform: Platform, vendors: dict[str, Vendor]) -> None:
    run_pipeline(platform, vendors, "retailer_1", "2024-01-02")
    vendors["retailer_1"].clock("2024-01-10T12:00:00Z")

    result = platform.ingest("2024-01-09", "retailer_1", since_watermark=True, catch_up_days=2)

    assert result.ok
    assert {str(each.business_date) for each in result.results[0].dates} >= {"2024-01-07", "2024-01-08", "2024-01-09"}
    assert "4 dates from 2024-01-03 to 2024-01-06 are also missing" in result.results[0].notes[0]


def test_the_manifest_says_which_changes_were_listed(platform: Platform, vendors: dict[str, Vendor]) -> None:
    run_pipeline(platform, vendors, "retailer_1", "2024-01-08")
    window = platform.manifest("retailer_1", "2024-01-08").window

    assert window.changes_until == datetime(2024, 1, 9, 6, tzinfo=UTC)
    assert window.changes_since == datetime(2024, 1, 8, tzinfo=UTC) - timedelta(days=3, hours=14)
    run_pipeline(platform, vendors, "retailer_1", "2024-01-09")
    assert platform.manifest("retailer_1", "2024-01-09").window.changes_since == datetime(2024, 1, 6, 6, tzinfo=UTC)


def test_without_a_watermark_only_the_day_is_read(platform: Platform) -> None:
    result = platform.ingest("2024-01-08", "retailer_1")

    assert len(result.results[0].dates) == 1
    assert platform.manifest("retailer_1", "2024-01-08").window.changes_until is None
