"""The faults of the real retailers have no effect on a landing, or they cause a clear failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

RETAILERS = ("retailer_1", "retailer_2", "retailer_3")
DAY = "2024-01-16"
HARMLESS = {
    "rate limit": "429:0.4;retry_after=2;times=6",
    "server errors": "500:0.3;times=4,503:0.3;retry_after=1;times=4",
    "dropped connections": "drop:0.4;times=4",
    "truncated bodies": "truncate:0.4;times=4",
    "web pages for JSON": "html:0.4;times=4",
    "a page that fails twice": "fail_at_page:2;times=2",
    "tokens that expire": "expire_token:1;times=3",
    "all at once": (
        "429:0.2;retry_after=1;times=4,500:0.2;times=3,503:0.2;times=3,slow:0.2;seconds=0.05;times=3,drop:0.2;times=3,"
        "truncate:0.2;times=3,html:0.2;times=3,fail_at_page:3;times=1,expire_token:2;times=2"
    ),
}


@pytest.mark.parametrize(
    "fault", [name if name == "all at once" else pytest.param(name, marks=pytest.mark.long) for name in HARMLESS]
)
def test_delivery_faults_do_not_change_a_byte(platform: Platform, vendors: dict[str, Vendor], fault: str) -> None:
    platform.ingest(DAY)
    calm = {retailer_id: platform.raw(retailer_id, DAY) for retailer_id in RETAILERS}
    for vendor in vendors.values():
        vendor.faults(HARMLESS[fault] if vendor.number == 2 else HARMLESS[fault].split(",expire_token")[0])

    result = platform.ingest(DAY)

    assert result.ok, result.as_dict()
    assert {retailer_id: platform.raw(retailer_id, DAY) for retailer_id in RETAILERS} == calm
    if fault != "tokens that expire":
        assert all(sum(vendor.fired().values()) for vendor in vendors.values())


@pytest.mark.parametrize("retailer_id", RETAILERS)
def test_a_line_that_appears_while_the_listing_is_read_is_not_missed(
    platform: Platform, vendors: dict[str, Vendor], retailer_id: str
) -> None:
    platform.ingest(DAY, retailer_id)
    calm = {(each["transaction_id"], each["line_id"]) for each in platform.records(retailer_id, DAY)}
    vendors[retailer_id].faults("insert_after_page")

    result = platform.ingest(DAY, retailer_id)

    assert result.ok, result.as_dict()
    assert platform.slept, "the first reading was accepted as complete"
    found = [(each["transaction_id"], each["line_id"]) for each in platform.records(retailer_id, DAY)]
    assert set(found) == calm
    assert len(found) == len(calm)


@pytest.mark.parametrize("retailer_id", RETAILERS)
def test_lines_delivered_twice_are_landed_twice_and_counted_once(
    platform: Platform, vendors: dict[str, Vendor], retailer_id: str
) -> None:
    vendors[retailer_id].faults("duplicates:0.1")

    result = platform.ingest(DAY, retailer_id)

    manifest = platform.manifest(retailer_id, DAY)
    assert result.ok, result.as_dict()
    assert manifest.control_report is not None
    assert manifest.control_report.lines == manifest.distinct < manifest.landed


@pytest.mark.parametrize("retailer_id", RETAILERS)
def test_a_retailer_that_sold_nothing_is_landed_as_an_empty_day(
    platform: Platform, vendors: dict[str, Vendor], retailer_id: str
) -> None:
    vendors[retailer_id].faults(f"empty_day:{DAY}")

    result = platform.ingest(DAY, retailer_id)

    assert result.ok, result.as_dict()
    assert platform.raw(retailer_id, DAY) == b""
    assert platform.manifest(retailer_id, DAY).landed == 0


@pytest.mark.parametrize("retailer_id", RETAILERS)
def test_an_empty_listing_of_a_day_that_was_not_empty_is_a_failure(
    platform: Platform, vendors: dict[str, Vendor], retailer_id: str
) -> None:
    before = platform.ingest(DAY, retailer_id)
    vendors[retailer_id].faults(f"empty_listing:{DAY}")

    result = platform.ingest(DAY, retailer_id)

    lines = before.results[0].dates[0].reported
    assert not result.ok
    assert f"the listing has 0 distinct lines, the retailer's report {lines}" in str(result.results[0].error)
    assert platform.manifest(retailer_id, DAY).sha256 == before.results[0].dates[0].sha256


def test_one_retailer_that_is_down_does_not_stop_the_others(platform: Platform, vendors: dict[str, Vendor]) -> None:
    vendors["retailer_2"].faults("down")

    result = platform.ingest(DAY, max_attempts=2)

    assert [each.status for each in result.results] == ["landed", "failed", "landed"]
    assert "retailer_2 at 127.0.0.1" in str(result.results[1].error)
    assert result.results[1].error_kind == "RetryLater"
    assert platform.query("SELECT status FROM ops.pipeline_runs") == [("partly_failed",)]


def test_a_retailer_that_always_fails_at_page_three_leaves_the_partition_as_it_was(
    platform: Platform, vendors: dict[str, Vendor]
) -> None:
    before = platform.ingest(DAY, "retailer_3")
    vendors["retailer_3"].faults("fail_at_page:3")

    result = platform.ingest(DAY, "retailer_3", max_attempts=3)

    assert not result.ok
    assert "responded with 500" in str(result.results[0].error)
    assert platform.manifest("retailer_3", DAY).run_id == before.run_id


@pytest.mark.parametrize("retailer_id", RETAILERS)
def test_bad_rows_are_rejected_with_their_reasons_and_the_good_ones_land(
    platform: Platform, vendors: dict[str, Vendor], retailer_id: str
) -> None:
    calm = platform.ingest(DAY, retailer_id).results[0].dates[0]
    vendors[retailer_id].faults("bad_rows:0.03")

    result = platform.ingest(DAY, retailer_id)

    assert result.ok, result.as_dict()
    landed = result.results[0].dates[0]
    assert landed.sha256 == calm.sha256
    assert landed.fetched == landed.landed + landed.rejected
    assert set(landed.reasons) == {
        "MISSING_FIELD",
        "NEGATIVE_PRICE",
        "TOTAL_MISMATCH",
        "UNKNOWN_CURRENCY",
        "INVALID_DATE",
        "CONTROL_CHARACTER",
        "NOT_A_NUMBER",
        "TOO_LONG",
    }
    rejected = platform.query(
        "SELECT reason_code, payload, position, object_key FROM ops.dead_letters WHERE status = 'open'"
    )
    assert len(rejected) == landed.rejected == len(platform.rejected(retailer_id, DAY))
    assert {code for code, *_ in rejected} == set(landed.reasons)
    assert all(payload and position.startswith("page ") for _, payload, position, _ in rejected)
    [(huge,)] = platform.query("SELECT length(payload) FROM ops.dead_letters WHERE reason_code = 'TOO_LONG'")
    assert 0 <= 64 * 1024 - huge < 4  # a character of several bytes is not cut
    assert max(len(str(each["payload"])) for each in platform.rejected(retailer_id, DAY)) > 10_000_000


def test_dead_letters_that_are_no_longer_sent_are_resolved(platform: Platform, vendors: dict[str, Vendor]) -> None:
    vendors["retailer_1"].faults("bad_rows:0.03")
    platform.ingest(DAY, "retailer_1")
    platform.ingest(DAY, "retailer_1")
    open_before = platform.query("SELECT count(*) FROM ops.dead_letters WHERE status = 'open'")
    vendors["retailer_1"].behave()

    platform.ingest(DAY, "retailer_1")

    assert platform.query("SELECT status, count(*) FROM ops.dead_letters GROUP BY 1") == [
        ("resolved", open_before[0][0])
    ]
    assert not [key for key in platform.object_keys() if key.startswith("rejected/")]


def test_too_many_bad_rows_leave_the_partition_and_say_why(platform: Platform, vendors: dict[str, Vendor]) -> None:
    before = platform.ingest(DAY, "retailer_2")
    vendors["retailer_2"].faults("bad_rows:0.3")

    result = platform.ingest(DAY, "retailer_2")

    error = str(result.results[0].error)
    assert "records rejected" in error
    assert "NEGATIVE_PRICE" in error
    assert "more than 5%" in error
    assert platform.manifest("retailer_2", DAY).run_id == before.run_id
    assert not [key for key in platform.object_keys() if key.startswith("rejected/")]
    [(rejected,)] = platform.query("SELECT count(*) FROM ops.dead_letters WHERE status = 'open'")
    assert rejected > 50
