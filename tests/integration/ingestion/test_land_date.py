"""Landing a date ends with a clear message where a row, the memory or the disk is to blame."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from ingestion.connectors.protocol import RawPage, Runtime
from ingestion.landing.land_date import land_date
from ingestion.landing.write import RawZone
from ingestion.mapping.workspace import workspace
from ingestion.results import LandedDate
from shared.errors import FixConfiguration, RetryLater, StopRun
from shared.partitions import ControlReport
from shared.s3_client import Bucket
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import row_1

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

DAY = date(2024, 1, 15)


@dataclass
class Pages:
    """A connector whose source lists these pages."""

    pages: Sequence[list[Any]]
    report: ControlReport | None
    retailer_id: str = "retailer_1"
    mapping = retailer_mapping(1)

    def daily_report(self, day: date) -> ControlReport | None:
        return self.report

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Any]]:
        for number, rows in enumerate(self.pages, 1):
            yield RawPage(number, rows, datetime.now(UTC))


@pytest.fixture
def land(make_platform: Callable[[Sequence[Vendor]], Platform]) -> Callable[..., LandedDate]:
    platform = make_platform([])
    settings = platform.settings
    bucket = Bucket(settings.s3, settings.s3.bucket_raw)
    zone = RawZone(bucket, platform.dsn, "test-run")

    def run(
        *pages: list[Any],
        memory_mb: int = 64,
        temporary_mb: int = 1_000,
        free_bytes: int = 10**9,
        report: ControlReport | None = None,
    ) -> LandedDate:
        ingest = settings.ingest.model_copy(update={"memory_mb": memory_mb})
        with workspace(memory_mb, threads=1) as connection:
            connection.execute(f"SET max_temp_directory_size = '{temporary_mb}MB'")
            connector: Any = Pages(pages, report)
            runtime = Runtime(sleep=lambda _: None, free_bytes=lambda _: free_bytes)
            return land_date(connector, DAY, zone, ingest, runtime, connection)

    return run


def test_the_message_of_rejected_rows_has_the_value_but_not_a_customers(land: Callable[..., LandedDate]) -> None:
    with pytest.raises(StopRun, match='page 1, row 1, column currency: "ZZZ"'):
        land([row_1(currency="ZZZ")])
    with pytest.raises(StopRun, match="page 1, row 1, column customer_no: contains a control character") as caught:
        land([row_1(customer_no="Ana\x01Reed")])
    assert "Reed" not in str(caught.value)


def test_rejected_rows_are_named_also_where_the_totals_differ_from_the_report(land: Callable[..., LandedDate]) -> None:
    report = ControlReport(lines=30, net={})
    bad = row_1(sale_id="bad", currency="ZZZ")
    with pytest.raises(StopRun, match=r"2 of 3 records rejected \(2 UNKNOWN_CURRENCY\)"):
        land([row_1(), bad, bad], report=report)
    rows = [row_1(sale_id=f"S{number}") for number in range(28)]
    with pytest.raises(
        RetryLater,
        match=r"the retailer's report 30 \(1 of its lines rejected, the first one page 1, row 29",
    ):
        land([*rows, bad], report=report)


def test_no_page_is_not_an_empty_date(land: Callable[..., LandedDate]) -> None:
    assert land([row_1()]).landed == 1
    with pytest.raises(StopRun, match="retailer_1 2024-01-15: the connector sent no page"):
        land()
    assert land([]).landed == 0


def test_a_listing_without_end_is_left_and_one_far_longer_than_reported(land: Callable[..., LandedDate]) -> None:
    with pytest.raises(StopRun, match="retailer_1 2024-01-15: the listing: 20 pages in a row brought nothing new"):
        land(*[[row_1()]] * 30)
    with pytest.raises(StopRun, match="130,000 rows came, far more than the control report has"):
        land([row_1(sale_id="A")] * 65_000, [row_1(sale_id="B")] * 65_000, [], report=ControlReport(lines=2, net={}))


def test_too_little_memory_names_the_setting(land: Callable[..., LandedDate]) -> None:
    rows = [row_1(sale_id=f"S{number}", product_name=f"{number} {'x' * 200}") for number in range(20_000)]
    with pytest.raises(FixConfiguration, match=r"retailer_1 2024-01-15: 8 MB are not enough.*INGEST_MEMORY_MB"):
        land(rows, memory_mb=8)


def test_a_full_disk_names_the_folder(land: Callable[..., LandedDate]) -> None:
    with files_of_at_most(100_000), pytest.raises(FixConfiguration, match=r"no room for temporary files in /.*TMPDIR"):
        land([row_1(sale_id=f"S{number}") for number in range(1_000)])
    assert land([row_1()]).landed == 1


def test_a_listing_takes_at_most_as_much_of_the_disk_as_it_leaves_free(land: Callable[..., LandedDate]) -> None:
    pages = [[row_1(sale_id=f"{page} {number}") for number in range(100)] for page in range(10)]
    assert land(*pages).landed == 1_000
    with pytest.raises(StopRun, match=r"retailer_1 2024-01-15: the listing has .* bytes .* has only 100,000 left"):
        land(*pages, free_bytes=100_000)


def test_of_a_date_that_is_not_landed_only_the_first_rejected_records_are_kept(
    land: Callable[..., LandedDate], make_platform: Callable[[Sequence[Vendor]], Platform]
) -> None:
    with pytest.raises(StopRun, match="1500 of 1500 records rejected"):
        land([row_1(sale_id=f"S{number}", currency="ZZZ") for number in range(1_500)])
    assert make_platform([]).query("SELECT count(*) FROM ops.dead_letters") == [(1_000,)]


def test_a_disk_that_is_full_for_duckdb_names_the_folder(land: Callable[..., LandedDate]) -> None:
    names = ("store_name", "product_name", "department")
    rows = [
        row_1(sale_id=f"S{number}", sku=f"{number}", **{name: f"{name} {number} {'x' * 220}\t" for name in names})
        for number in range(20_000)
    ]
    with pytest.raises(FixConfiguration, match=r"no room for temporary files in /.*No space left on device"):
        land(rows, memory_mb=24, temporary_mb=1)


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Writing more to a file fails, as it does on a full disk."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_whose_texts_were_cleaned_are_flagged_until_the_source_corrects_them(
    land: Callable[..., LandedDate], make_platform: Callable[[Sequence[Vendor]], Platform]
) -> None:
    query = "SELECT transaction_id, line_id, rule_code, load_id FROM ops.flagged_sales"
    good = [row_1(sale_id=f"S{number}") for number in range(30)]
    long_name = row_1(sale_id="A", product_name="x" * 300, store_name="Fifth\tAvenue")
    rejected = row_1(sale_id="B", product_name="x" * 300, qty="two")
    assert land(good, [long_name, rejected]).landed == 31
    assert make_platform([]).query(query) == [("A", "1", "CLEANED_TEXT", None)]
    assert land(good, [row_1(sale_id="A")]).landed == 31
    assert make_platform([]).query(query) == []
