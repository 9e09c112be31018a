"""A source whose clock is wrong once does not hide its later corrections, and raises an alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.ingestion.test_incremental import morning_after, publish, run_pipeline

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

RETAILERS = ("retailer_1", "retailer_2", "retailer_3")
DAYS = [f"2024-01-{day:02d}" for day in range(8, 14)]


def alerts(platform: Platform) -> list[tuple[str, str]]:
    return platform.query("SELECT retailer_id, status FROM ops.alerts WHERE kind = 'source_clock' ORDER BY alert_id")


@pytest.mark.parametrize("retailer_id", RETAILERS)
def test_a_clock_that_says_2099_once_moves_the_watermark_to_our_time_at_most(
    platform: Platform, vendors: dict[str, Vendor], retailer_id: str
) -> None:
    vendors[retailer_id].clock("2099-01-01T00:00:00Z")
    result = platform.ingest(DAYS[0], retailer_id, since_watermark=True)

    window = platform.manifest(retailer_id, DAYS[0]).window
    assert window.changes_until is not None
    assert timedelta(minutes=10) <= datetime.now(UTC) - window.changes_until < timedelta(minutes=15)
    assert window.requested_from <= datetime.now(UTC)
    assert any("2099-01-01" in each for each in result.results[0].clock_warnings)
    assert alerts(platform) == [(retailer_id, "open")]

    vendors[retailer_id].clock(morning_after(DAYS[0]))
    platform.ingest(DAYS[0], retailer_id, since_watermark=True)
    assert alerts(platform) == [(retailer_id, "resolved")]


def test_a_watermark_that_is_ahead_is_corrected_and_what_it_hid_is_read(
    platform: Platform, vendors: dict[str, Vendor]
) -> None:
    run_pipeline(platform, vendors, "retailer_1", DAYS[0])
    for day in DAYS[1:]:  # as an earlier version of the platform would have published it
        platform.execute("UPDATE ops.pipeline_metadata SET changes_read_until = '2099-01-01'")
        vendors["retailer_1"].clock(morning_after(day))
        platform.ingest(day, "retailer_1")
        publish(platform, "retailer_1", day)
        platform.execute("UPDATE ops.pipeline_metadata SET changes_read_until = '2099-01-01'")

    result = platform.ingest(DAYS[-1], "retailer_1", since_watermark=True)

    assert result.ok, result.as_dict()
    assert len(result.results[0].dates) > 1, "no correction of six days was read"
    window = platform.manifest("retailer_1", DAYS[-1]).window
    assert window.changes_since == datetime(2024, 1, 9, 6, tzinfo=UTC) - timedelta(days=3), "the last proven list"
    assert window.changes_until == datetime(2024, 1, 14, 6, tzinfo=UTC)
    assert "2099-01-01" in result.results[0].clock_warnings[0]
    assert alerts(platform) == [("retailer_1", "open")]


def test_a_watermark_that_is_ahead_of_every_manifest_is_corrected_from_the_first_date_on(
    platform: Platform, vendors: dict[str, Vendor]
) -> None:
    vendors["retailer_1"].clock(morning_after(DAYS[1]))
    for day in DAYS[:2]:
        platform.ingest(day, "retailer_1")
        publish(platform, "retailer_1", day)
    platform.execute("UPDATE ops.pipeline_metadata SET changes_read_until = '2099-01-01'")

    assert platform.ingest(DAYS[1], "retailer_1", since_watermark=True).ok

    since = platform.manifest("retailer_1", DAYS[1]).window.changes_since
    assert since == datetime(2024, 1, 8, tzinfo=UTC) - timedelta(days=3, hours=14)
