"""The contract of `Connector`, run against every retailer's connector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ingestion.connectors import registry
from ingestion.connectors.protocol import Connector, ListingChanged, Runtime
from ingestion.models.retailer_data import SalesRecord
from shared.config import load_settings
from shared.errors import FixConfiguration, RejectRecord, StopRun
from shared.sources.definition import CONNECTORS, FILES
from tests.fakes.http_vendor import HttpVendor, http_vendor
from tests.fakes.retailer_responses import AS_OF, Retailer

DAY = date(2024, 1, 15)
NUMBERS = (1, 2, 3)
CURRENCIES = {1: "USD", 2: "GBP", 3: "EUR"}
WITHOUT_SOURCES = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
every_retailer = pytest.mark.parametrize("number", NUMBERS)


@contextmanager
def running(retailer: Retailer) -> Iterator[tuple[Connector[Any], HttpVendor]]:
    with http_vendor(retailer) as vendor:
        environment = {
            **WITHOUT_SOURCES,
            f"RETAILER{retailer.number}_API_URL": vendor.url,
            **retailer.environment,
        }
        settings = load_settings(environment)
        service = registry.build(f"retailer_{retailer.number}", settings, Runtime(sleep=lambda _: None))
        try:
            yield service, vendor
        finally:
            service.close()


def test_every_shipped_connector_has_its_class() -> None:
    assert {*registry.CONNECTORS, FILES} == set(CONNECTORS)
    for source in load_settings(WITHOUT_SOURCES).sources.definitions.values():
        assert registry.connector_class(source).listing_path.startswith("/")


@every_retailer
def test_a_check_of_the_connection_meets_what_reading_would_meet(number: int) -> None:
    with running(Retailer(number)) as (service, vendor):
        service.check(DAY)
        assert vendor.requests
    with running(Retailer(number, reject_credentials=99)) as (service, _), pytest.raises(FixConfiguration):
        service.check(DAY)


@every_retailer
def test_pages_are_numbered_and_every_line_becomes_a_record(number: int) -> None:
    with running(Retailer(number)) as (service, _):
        pages = list(service.fetch_sales_data(DAY))
        records = [service.normalize_sales_record(raw) for page in pages for raw in page.rows]

    assert [page.number for page in pages] == [1, 2]
    assert {page.as_of for page in pages} == {AS_OF}
    assert all(isinstance(record, SalesRecord) for record in records)
    assert [record.transaction_id for record in records] == ["A", "B", "C"]
    assert {(record.retailer_id, record.business_date, record.currency) for record in records} == {
        (service.retailer_id, DAY, CURRENCIES[number])
    }


@every_retailer
def test_a_day_without_sales_is_one_empty_page(number: int) -> None:
    with running(Retailer(number, lines=((),))) as (service, _):
        assert [list(page.rows) for page in service.fetch_sales_data(DAY)] == [[]]


@every_retailer
def test_the_control_report_is_read_exactly(number: int) -> None:
    with running(Retailer(number)) as (service, _):
        report = service.daily_report(DAY)
    assert report is not None
    assert (report.lines, report.net) == (3, {CURRENCIES[number]: Decimal(75)})


@every_retailer
def test_a_report_of_another_date_stops_the_run(number: int) -> None:
    with (
        running(Retailer(number, wrong_report_date=True)) as (service, _),
        pytest.raises(StopRun, match="another date"),
    ):
        service.daily_report(DAY)


@every_retailer
def test_changes_name_the_dates_before_and_after_a_move(number: int) -> None:
    with running(Retailer(number)) as (service, vendor):
        listing = service.list_changes(datetime(2024, 1, 12, 10, 30, tzinfo=UTC))
    assert listing is not None
    assert set(listing.dates) == {DAY, date(2024, 1, 14)}
    assert listing.as_of == AS_OF
    assert any(
        text in vendor.requests[-1].path
        for text in (
            "updated_since=2024-01-12T10%3A30%3A00%2B00%3A00",
            "modified_since=1705055400",
            "12%2F01%2F2024+11%3A30",
        )
    )


@every_retailer
def test_an_unreadable_change_does_not_hide_the_others(number: int) -> None:
    def spoil(value: Any) -> Any:
        rows = value if isinstance(value, list) else value.get("rows", value.get("data"))
        rows[0] = {"nonsense": True}
        return value

    with running(Retailer(number, spoil=spoil, lines=(("A", "B"), ("A", "C")))) as (service, _):
        listing = service.list_changes(datetime(2024, 1, 12, tzinfo=UTC))
    assert listing is not None
    assert set(listing.dates) == {DAY, date(2024, 1, 14)}


@every_retailer
def test_a_listing_that_changes_must_be_read_again(number: int) -> None:
    with running(Retailer(number, grows=True)) as (service, _), pytest.raises(ListingChanged):
        list(service.fetch_sales_data(DAY))


@every_retailer
@pytest.mark.parametrize(
    "value", [[], {}, {"rows": 7, "total": 1, "data": "x"}, "text", None, {"rows": [], "total": True}]
)
def test_a_malformed_response_does_not_count_as_an_empty_day(number: int, value: object) -> None:
    if number == 3 and value == []:
        return
    with running(Retailer(number, spoil=lambda _: value)) as (service, _):
        with pytest.raises(StopRun):
            list(service.fetch_sales_data(DAY))
        with pytest.raises(StopRun):
            service.daily_report(DAY)


@every_retailer
def test_a_malformed_line_is_rejected(number: int) -> None:
    with running(Retailer(number, lines=(("A",),))) as (service, _):
        [page] = service.fetch_sales_data(DAY)
        raw = page.rows[0]
        spoilt = {**raw, "lines": [{"id": "1"}]} if number == 2 else {"ticket": "A"}
        with pytest.raises(RejectRecord) as rejected:
            service.normalize_sales_record(spoilt)
        assert rejected.value.code == "MISSING_FIELD"


@every_retailer
def test_rejected_credentials_are_an_error_that_names_the_settings(number: int) -> None:
    retailer = Retailer(number, reject_credentials=99)
    with running(retailer) as (service, _), pytest.raises(FixConfiguration) as raised:
        list(service.fetch_sales_data(DAY))
    expected = {1: "RETAILER1_API_KEY", 2: "RETAILER2_CLIENT_SECRET", 3: "RETAILER3_HMAC_SECRET"}[number]
    assert f"retailer_{number} rejected our credentials (401)" in str(raised.value)
    assert expected in str(raised.value)


@every_retailer
def test_a_retailer_without_settings_is_an_error_that_names_them(number: int) -> None:
    with pytest.raises(FixConfiguration, match=f"RETAILER{number}_API_URL"):
        registry.build(f"retailer_{number}", load_settings(WITHOUT_SOURCES), Runtime())


def test_an_unknown_retailer_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(FixConfiguration, match="retailer_1, retailer_2, retailer_3"):
        registry.build("retailer_7", load_settings(WITHOUT_SOURCES), Runtime())


def test_an_expired_token_is_replaced_once_in_the_middle_of_a_listing() -> None:
    retailer = Retailer(2, reject_credentials=1, reject_from_page=2)
    with running(retailer) as (service, vendor):
        assert len(list(service.fetch_sales_data(DAY))) == 2
    assert retailer.tokens == 2
    sent = [request.headers.get("Authorization") for request in vendor.requests if request.path.startswith("/orders")]
    assert sent == ["Bearer t1", "Bearer t1", "Bearer t2"]


def test_a_signature_covers_the_request_as_sent() -> None:
    import hashlib
    import hmac

    with running(Retailer(3)) as (service, vendor):
        list(service.fetch_sales_data(DAY))
    for request in vendor.requests:
        message = f"GET\n{request.path}\n{request.headers['X-Timestamp']}".encode()
        assert request.headers["X-Signature"] == hmac.new(b"secret", message, hashlib.sha256).hexdigest()
    assert "fecha=15%2F01%2F2024" in vendor.requests[0].path
    assert {request.headers["Host"] for request in vendor.requests} == {vendor.url.removeprefix("http://")}
