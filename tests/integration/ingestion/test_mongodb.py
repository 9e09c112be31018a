"""A source in MongoDB is landed like any other: reconciled with the server's own sums, and read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.errors import RetryLater
from tests.fakes.databases.till import row
from tests.fakes.mongodb.till import MongoTill, receipt
from tests.fakes.vendors import Vendor
from tests.integration.ingestion.test_databases import DAY, NEXT, Shop, shop_with
from tests.integration.ingestion.test_incremental import publish

if TYPE_CHECKING:
    from tests.integration.ingestion.conftest import Platform


@pytest.fixture
def shop(make_platform: Callable[[Sequence[Vendor]], Platform], tmp_path: Path) -> Iterator[Shop]:
    with shop_with(MongoTill(), make_platform([]), tmp_path / "sources") as found:
        yield found


def test_a_date_is_landed_with_its_nested_lines_and_reconciled_with_the_sums_of_the_server(shop: Shop) -> None:
    mixed = receipt(row("D"))
    returned = receipt(row("D", line_no=2, kind="R", quantity=-1, net_amount="-12.50"))["lines"]
    mixed["lines"] += returned
    shop.till.insert_documents(mixed)

    result = shop.ingest(DAY)

    assert result.error is None
    [landed] = result.dates
    assert (landed.reported, landed.landed, landed.net_amounts) == (5, 5, {"EUR": Decimal("87.5000")})
    types = [record["line_type"] for record in shop.platform.records(shop.source, DAY)]
    assert types == ["sale", "sale", "sale", "sale", "return"]


def test_a_rejected_line_is_kept_with_its_document(shop: Shop) -> None:
    damaged = receipt(row("D"))
    damaged["lines"][0]["price"] = float("nan")
    shop.till.insert_documents(damaged)
    result = shop.platform.ingest(DAY, shop.source, max_reject_share=0.5).results[0]
    assert result.error is None
    assert (result.dates[0].landed, result.dates[0].rejected, result.dates[0].reported) == (3, 1, 4)
    [rejected] = shop.platform.rejected(shop.source, DAY)
    assert rejected["reason_code"] == "NOT_A_NUMBER"
    assert (rejected["payload"]["receipt"], rejected["payload"]["_id"]) == ("D", str(damaged["_id"]))


def test_changed_and_deleted_documents_are_landed_by_the_next_run(shop: Shop) -> None:
    assert shop.ingest(DAY, since_watermark=True).error is None
    publish(shop.platform, shop.source, DAY)
    shop.till.insert(row("LATE"))
    shop.till.collection.delete_one({"receipt": "A"})

    result = shop.ingest(NEXT, since_watermark=True)

    assert result.error is None
    assert [str(each.business_date) for each in result.dates] == [DAY, NEXT]
    receipts = [record["transaction_id"] for record in shop.platform.records(shop.source, DAY)]
    assert receipts == ["B", "C", "LATE"]
    assert shop.platform.manifest(shop.source, NEXT).window.changes_until is not None, "a list of changes was read"


def test_a_date_that_did_not_change_is_landed_with_the_same_bytes(shop: Shop) -> None:
    shop.ingest(DAY)
    first = shop.platform.raw(shop.source, DAY)
    shop.till.mongo.databases["pos"]["receipts"].reverse()
    shop.ingest(DAY)
    assert shop.platform.raw(shop.source, DAY) == first


def test_a_reading_that_is_cut_leaves_the_partition_and_the_next_run_replaces_it(shop: Shop) -> None:
    assert shop.ingest(DAY).error is None
    before = shop.platform.raw(shop.source, DAY)
    shop.till.insert(row("D"))

    def cut(name: str, _: object) -> None:
        if name == "getMore":
            shop.till.mongo.cut()

    shop.till.mongo.before = cut
    failed = shop.ingest(DAY)
    assert failed.error_kind == RetryLater.__name__
    assert "was lost" in str(failed.error)
    assert shop.platform.raw(shop.source, DAY) == before

    shop.till.mongo.before = lambda name, command: None
    assert [each.landed for each in shop.ingest(DAY).dates] == [4]


def test_two_lines_with_the_same_number_do_not_agree_with_the_report_and_are_not_landed(shop: Shop) -> None:
    twice = receipt(row("D"))
    twice["lines"] *= 2
    shop.till.insert_documents(twice)
    result = shop.ingest(DAY)
    assert "the listing has 4 distinct lines, the retailer's report 5" in str(result.error)
    assert shop.platform.object_keys() == []
