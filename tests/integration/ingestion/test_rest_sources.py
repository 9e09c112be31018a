"""The three retailers read by the connector `rest`: the same bytes as by connectors of their own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingestion.connectors import registry
from ingestion.connectors.protocol import Changes, Runtime
from shared.sources.registry import load_sources
from tests.fakes import rest_apis
from tests.fakes.killed_after_a_write import killed_after
from tests.integration.ingestion.test_incremental import morning_after
from tests.shipped_sources import DIRECTORY

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

RETAILERS = ("retailer_1", "retailer_2", "retailer_3")
DAY = "2024-01-15"
REQUESTED = tuple(date(2024, 1, day) for day in (10, 11, 12, 13))
SINCE = datetime(2024, 1, 14, 9, 30, tzinfo=UTC)


@pytest.fixture
def both(platform: Platform, tmp_path: Path) -> Platform:
    """A platform with the shipped definitions and those that say the same with `connector: rest`."""
    directory = tmp_path / "sources"
    shutil.copytree(rest_apis.DIRECTORY, directory)
    shutil.copytree(DIRECTORY, directory, dirs_exist_ok=True)
    sources = load_sources(platform.environment, directory)
    return replace(platform, settings=platform.settings.model_copy(update={"sources": sources}))


def by_rest(retailer_id: str) -> str:
    return f"rest_{retailer_id}"


def check_equal(platform: Platform, retailer_id: str) -> None:
    """The partitions of the two sources are the same, apart from the id."""
    own, rest = platform.manifest(retailer_id, DAY), platform.manifest(by_rest(retailer_id), DAY)
    raw = platform.raw(by_rest(retailer_id), DAY)
    assert raw.replace(by_rest(retailer_id).encode(), retailer_id.encode()) == platform.raw(retailer_id, DAY)
    for field in ("landed", "rejected", "distinct", "amounts", "control_report"):
        assert getattr(rest, field) == getattr(own, field)


def test_a_definition_lands_the_bytes_of_the_retailers_own_connector(
    both: Platform, vendors: dict[str, Vendor]
) -> None:
    """Once on the next morning, and once after late records, corrections and withdrawals."""
    sizes = []
    for now in (morning_after(DAY), "2024-02-01T06:00:00Z"):
        for vendor in vendors.values():
            vendor.clock(now)
        assert both.ingest(DAY, *RETAILERS, *map(by_rest, RETAILERS)).ok
        for each in RETAILERS:
            check_equal(both, each)
        sizes.append([both.manifest(by_rest(each), DAY).sha256 for each in RETAILERS])
    assert all(first != second for first, second in zip(*sizes, strict=True)), "every date changed in between"


def test_a_definition_lists_the_changes_of_the_retailers_own_connector(both: Platform) -> None:
    def changes(source_id: str) -> Changes:
        connector = registry.build(source_id, both.settings, Runtime())
        try:
            for day in REQUESTED:  # the retailers list the changes of dates that were requested before
                list(connector.fetch_sales_data(day))
            found = connector.list_changes(SINCE)
        finally:
            connector.close()
        assert found is not None
        return found

    for each in RETAILERS:
        own = changes(each)
        assert changes(by_rest(each)) == own
        assert REQUESTED[0] in own.dates, "corrected or recorded late"


def lines(platform: Platform, source_id: str, retailer_id: str) -> set[bytes]:
    return set(platform.raw(source_id, DAY).replace(source_id.encode(), retailer_id.encode()).splitlines())


def test_rejected_rows_are_the_same(both: Platform, vendors: dict[str, Vendor]) -> None:
    for vendor in vendors.values():
        vendor.faults("bad_rows:0.02")
    assert both.ingest(DAY, *RETAILERS, *map(by_rest, RETAILERS)).ok
    for each in RETAILERS:
        check_equal(both, each)
        assert both.rejected(by_rest(each), DAY) == both.rejected(each, DAY) != []


def test_what_a_fault_repeats_delays_or_cuts_off_is_landed_once_it_is_complete(
    both: Platform, vendors: dict[str, Vendor]
) -> None:
    for vendor in vendors.values():
        vendor.faults("duplicates:0.2,429:0.3;retry_after=1,expire_token,truncate:0.1")
    result = both.ingest(DAY, *RETAILERS, *map(by_rest, RETAILERS))
    assert result.ok, result.as_dict()
    for each in RETAILERS:  # each request has other duplicates
        assert lines(both, by_rest(each), each) == lines(both, each, each)


def test_a_line_that_commits_while_the_listing_is_read_is_landed(both: Platform, vendors: dict[str, Vendor]) -> None:
    for vendor in vendors.values():
        vendor.faults("insert_after_page:1")
    result = both.ingest(DAY, *map(by_rest, RETAILERS))
    assert result.ok, result.as_dict()
    for each in RETAILERS:
        manifest = both.manifest(by_rest(each), DAY)
        assert manifest.control_report is not None
        assert manifest.distinct == manifest.control_report.lines


@pytest.mark.long
def test_a_landing_that_is_killed_is_completed_by_the_next_run(both: Platform) -> None:
    rest, sources = by_rest("retailer_1"), {"SOURCES_DIRECTORY": str(both.settings.sources.directory)}
    assert both.ingest(DAY, "retailer_1").ok
    command = ("ingestion.main", DAY, "--retailer", rest)
    assert killed_after(1, *command, environment=both.environment | sources)
    assert both.ingest(DAY, rest).ok
    check_equal(both, "retailer_1")
