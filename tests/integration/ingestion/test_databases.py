"""A source in a database is landed like any other: reconciled with the database's own sums, and read again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.sources.registry import load_sources
from tests.fakes.databases.till import NOON, PostgresTill, SqliteTill, Till, row
from tests.fakes.vendors import Vendor
from tests.integration.ingestion.test_incremental import publish

if TYPE_CHECKING:
    from local_stack.postgres import PostgresServer
    from tests.integration.ingestion.conftest import Platform

DAY, NEXT = "2024-01-15", "2024-01-16"
WITH_KEY = "SELECT rowid AS id, * FROM sale_lines"


@dataclass
class Shop:
    """A platform that reads a till."""

    platform: Platform
    till: Any
    source: str

    def ingest(self, day: str, **options: Any) -> Any:
        return self.platform.ingest(day, self.source, **options).results[0]


@contextmanager
def shop_with(till: Till, platform: Platform, directory: Path, *, by_key: bool = False) -> Iterator[Shop]:
    with till.served() as (environment, served):
        shutil.copytree(till.definition.parent, directory, dirs_exist_ok=True)
        if by_key:
            path = directory / till.definition.name
            text = path.read_text(encoding="utf-8").replace("table: sale_lines", f"query: {WITH_KEY}")
            text = text.replace("changed_by: updated_at", "incrementing_key: id\n  late_commit_keys: 0")
            path.write_text(text, encoding="utf-8")
        sources = load_sources({**platform.environment, **environment}, directory)
        settings = platform.settings.model_copy(update={"sources": sources})
        yield Shop(replace(platform, settings=settings), served, till.definition.stem)


@pytest.fixture
def shop(make_platform: Callable[[Sequence[Vendor]], Platform], tmp_path: Path) -> Iterator[Shop]:
    with shop_with(SqliteTill(), make_platform([]), tmp_path / "sources") as found:
        yield found


def test_a_date_is_landed_and_reconciled_with_the_sums_of_the_database(
    make_platform: Callable[[Sequence[Vendor]], Platform], postgres_server: PostgresServer, tmp_path: Path
) -> None:
    PostgresTill.server = postgres_server
    with shop_with(PostgresTill(), make_platform([]), tmp_path / "sources") as shop:
        shop.till.insert(
            row("D", kind="R", quantity=-1, net_amount="-12.50"), row("E", sold_at=NOON + timedelta(days=1))
        )

        result = shop.ingest(DAY)

        assert result.error is None
        [landed] = result.dates
        assert (landed.reported, landed.landed, landed.net_amounts) == (4, 4, {"EUR": Decimal("62.5000")})
        report = shop.platform.manifest(shop.source, DAY).control_report
        assert report is not None
        assert (report.lines, report.net) == (4, {"EUR": Decimal("62.5000")})
        types = [record["line_type"] for record in shop.platform.records(shop.source, DAY)]
        assert types == ["sale", "sale", "sale", "return"]


def test_a_date_without_sales_is_landed(shop: Shop) -> None:
    result = shop.ingest("2024-01-10")
    assert result.error is None
    assert [(each.reported, each.landed) for each in result.dates] == [(0, 0)]


def test_a_rejected_row_is_kept_as_the_database_shows_it(shop: Shop) -> None:
    shop.till.insert(row("D", currency="XXZ"))
    result = shop.platform.ingest(DAY, shop.source, max_reject_share=0.5).results[0]
    assert result.error is None
    assert (result.dates[0].landed, result.dates[0].rejected, result.dates[0].reported) == (3, 1, 4)
    [rejected] = shop.platform.rejected(shop.source, DAY)
    assert rejected["reason_code"] == "UNKNOWN_CURRENCY"
    assert (rejected["payload"]["receipt"], rejected["payload"]["net_amount"]) == ("D", "25")


def test_changed_late_and_deleted_rows_are_landed_by_the_next_run(shop: Shop) -> None:
    assert shop.ingest(DAY, since_watermark=True).error is None
    publish(shop.platform, shop.source, DAY)
    shop.till.insert(row("LATE"))
    shop.till.execute("DELETE FROM sale_lines WHERE receipt = 'A'")

    result = shop.ingest(NEXT, since_watermark=True)

    assert result.error is None
    assert [str(each.business_date) for each in result.dates] == [DAY, NEXT]
    receipts = [record["transaction_id"] for record in shop.platform.records(shop.source, DAY)]
    assert receipts == ["B", "C", "LATE"]
    window = shop.platform.manifest(shop.source, NEXT).window
    assert window.changes_until is not None, "a list of changes was read"


def test_a_row_that_changed_before_the_look_back_is_found_by_its_time(shop: Shop) -> None:
    for day in ("2024-01-10", DAY):
        assert shop.ingest(day, since_watermark=True).error is None
        publish(shop.platform, shop.source, day)
    published = shop.platform.manifest(shop.source, DAY).window.requested_until
    shop.till.insert(row("FAR", sold_at=NOON - timedelta(days=5), updated_at=published))

    result = shop.ingest(NEXT, since_watermark=True, lookback_days=1)

    assert result.error is None
    assert "2024-01-10" in [str(each.business_date) for each in result.dates]
    assert [each["transaction_id"] for each in shop.platform.records(shop.source, "2024-01-10")] == ["FAR"]


def test_a_new_row_long_before_the_look_back_is_found_by_its_key(
    make_platform: Callable[[Sequence[Vendor]], Platform], tmp_path: Path
) -> None:
    with shop_with(SqliteTill(), make_platform([]), tmp_path / "sources", by_key=True) as shop:
        for day in ("2024-01-14", DAY):
            assert shop.ingest(day, since_watermark=True).error is None
            publish(shop.platform, shop.source, day)
        assert positions(shop, DAY) == ("3", "3"), "three lines, and a margin of none"
        shop.till.insert(row("FAR", sold_at=NOON - timedelta(days=1)))

        result = shop.ingest(NEXT, since_watermark=True, lookback_days=1)

        assert result.error is None
        assert [str(each.business_date) for each in result.dates] == ["2024-01-14", DAY, NEXT]
        assert [each["transaction_id"] for each in shop.platform.records(shop.source, "2024-01-14")] == ["FAR"]
        assert positions(shop, NEXT) == ("3", "4")
        assert shop.ingest(NEXT, since_watermark=True, lookback_days=1).error is None
        assert positions(shop, NEXT) == ("3", "4"), "what is not published yet is listed again"
        publish(shop.platform, shop.source, NEXT)
        assert shop.ingest("2024-01-17", since_watermark=True).error is None
        assert positions(shop, "2024-01-17") == ("4", "4")


def positions(shop: Shop, day: str) -> tuple[str | None, str | None]:
    window = shop.platform.manifest(shop.source, day).window
    return window.changes_from_position, window.changes_to_position


def test_a_query_that_repeats_lines_does_not_agree_with_the_sums_and_is_not_landed(shop: Shop) -> None:
    shop.till.insert(row("A"))
    result = shop.ingest(DAY)
    assert result.error_kind == "RetryLater"
    assert "the listing has 3 distinct lines, the retailer's report 4" in str(result.error)
    assert shop.platform.object_keys() == []


def test_a_reading_that_fails_leaves_the_partition_and_the_next_run_replaces_it(shop: Shop) -> None:
    assert shop.ingest(DAY).error is None
    before = shop.platform.raw(shop.source, DAY)
    shop.till.insert(row("D"))
    hidden = shop.till.path.with_suffix(".hidden")
    shop.till.path.rename(hidden)

    failed = shop.ingest(DAY)

    assert failed.error_kind == "RetryLater"
    assert "no database responds at" in str(failed.error)
    assert shop.platform.raw(shop.source, DAY) == before
    hidden.rename(shop.till.path)
    assert [each.landed for each in shop.ingest(DAY).dates] == [4]


def test_a_date_that_did_not_change_is_landed_with_the_same_bytes(shop: Shop) -> None:
    shop.ingest(DAY)
    first = shop.platform.raw(shop.source, DAY)
    shop.till.execute("CREATE TABLE copied AS SELECT * FROM sale_lines ORDER BY receipt DESC")
    shop.till.execute("DELETE FROM sale_lines")
    shop.till.execute("INSERT INTO sale_lines SELECT * FROM copied")
    shop.ingest(DAY)
    assert shop.platform.raw(shop.source, DAY) == first
