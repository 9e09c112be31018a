"""The contract of `Connector`, run against every connector. To add one, add the description of its API to `APIS`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
from shared.sources.connection import FILES
from shared.sources.definition import CONNECTORS
from tests.fakes.connector_api import AS_OF, DAY, SINCE, ConnectorApi
from tests.fakes.corner_shop.api import CornerShopApi
from tests.fakes.databases.till import DATABASES, Till
from tests.fakes.http_vendor import HttpVendor
from tests.fakes.mongodb.till import MONGODB, RealMongoTill
from tests.fakes.programs.till import PROGRAMS
from tests.fakes.rest_apis import RestRetailer1Api, RestRetailer2Api, RestRetailer3Api, RestShopApi
from tests.fakes.retailer_responses import Retailer1Api, Retailer2Api, Retailer3Api
from tests.fakes.shop_systems import SHOP_SYSTEMS

APIS: tuple[type[ConnectorApi], ...] = (
    Retailer1Api,
    Retailer2Api,
    Retailer3Api,
    CornerShopApi,
    RestRetailer1Api,
    RestRetailer2Api,
    RestRetailer3Api,
    RestShopApi,
    *SHOP_SYSTEMS,
)
"""Those that are reached by HTTP. What is tested of them alone is about requests and responses."""
Described = ConnectorApi | Till
WITHOUT_SOURCES = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}


def of_each(apis: Iterable[type[Described]]) -> pytest.MarkDecorator:
    """Run the test with each of these."""
    return pytest.mark.parametrize("api", [pytest.param(each, id=_name_of(each)) for each in apis])


def _name_of(api: type[Described]) -> str:
    return f"{api.definition.stem}-server" if api is RealMongoTill else api.definition.stem


every_connector = of_each((*APIS, *DATABASES, *MONGODB, *PROGRAMS))
every_api = of_each(APIS)
with_report = of_each(each for each in APIS if each.report_path)
with_changes = of_each(each for each in APIS if each.since_text)
with_credentials = of_each(each for each in APIS if each.credentials)
with_growth = of_each(each for each in APIS if each.shows_growth)


def malformed_bodies(api: type[ConnectorApi]) -> list[Any]:
    """Bodies that are not those of an empty page."""
    rows = api.rows_key or "rows"
    found: list[Any] = [{}, {rows: 7, "total": 1}, {rows: "x"}, "text", None]
    found += [[]] if api.rows_key else [{"rows": []}]
    return [*found, {rows: [], api.total_key: True}] if api.total_key else found


def settings_of(api: type[Described]) -> dict[str, str]:
    """The settings with which its source is found, without its address and credentials."""
    return {**WITHOUT_SOURCES, "SOURCES_DIRECTORY": str(api.definition.parent)}


@contextmanager
def running(api: Described) -> Iterator[tuple[Connector[Any], HttpVendor]]:
    """The connector, and what it is connected to: of a till, the till itself."""
    with api.served() as (environment, vendor):
        settings = load_settings({**settings_of(type(api)), **environment})
        runtime = Runtime(sleep=lambda _: None, clock=lambda: api.now or datetime.now(UTC))
        service = registry.build(api.definition.stem, settings, runtime)
        try:
            yield service, vendor
        finally:
            service.close()


def test_every_shipped_connector_has_its_class() -> None:
    assert {*registry.CONNECTORS, FILES} == set(CONNECTORS)
    for source in load_settings(WITHOUT_SOURCES).sources.definitions.values():
        assert registry.connector_class(source).listing_path.startswith("/")


@every_api
def test_a_check_of_the_connection_sends_a_request(api: type[ConnectorApi]) -> None:
    with running(api()) as (service, vendor):
        service.check(DAY)
        assert vendor.requests


@with_credentials
def test_a_check_of_the_connection_meets_rejected_credentials(api: type[ConnectorApi]) -> None:
    with running(api(reject_credentials=99)) as (service, _), pytest.raises(FixConfiguration):
        service.check(DAY)


@every_connector
def test_pages_are_numbered_and_every_line_becomes_a_record(api: type[Described]) -> None:
    started = datetime.now(UTC)
    with running(api()) as (service, _):
        pages = list(service.fetch_sales_data(DAY))
        records = [service.normalize_sales_record(raw) for page in pages for raw in page.rows]

    assert [page.number for page in pages] == [1, 2]
    if api.sends_time:
        assert {page.as_of for page in pages} == {AS_OF}
    else:  # a Date header has no fraction of a second
        latest = datetime.now(UTC) - api.late_by
        assert all(started.replace(microsecond=0) - api.late_by <= page.as_of <= latest for page in pages)
    assert all(isinstance(record, SalesRecord) for record in records)
    assert [record.transaction_id for record in records] == [api.names.get(name, name) for name in "ABC"]
    assert {(record.retailer_id, record.business_date, record.currency) for record in records} == {
        (service.retailer_id, DAY, api.currency)
    }
    assert {record.net_amount for record in records} == {Decimal(25)}


@every_connector
def test_a_day_without_sales_is_one_empty_page(api: type[Described]) -> None:
    with running(api(lines=((),))) as (service, _):
        assert [list(page.rows) for page in service.fetch_sales_data(DAY)] == [[]]


@every_connector
def test_the_control_report_is_read_exactly(api: type[Described]) -> None:
    with running(api()) as (service, _):
        report = service.daily_report(DAY)
    if not api.report_path:
        assert report is None
        return
    assert report is not None
    assert (report.lines, report.net) == (3 if api.reports_lines else None, {api.currency: Decimal(75)})


@with_report
def test_a_report_of_another_date_stops_the_run(api: type[ConnectorApi]) -> None:
    with (
        running(api(wrong_report_date=True)) as (service, _),
        pytest.raises(StopRun, match="another date"),
    ):
        service.daily_report(DAY)


@every_api
def test_changes_name_the_dates_before_and_after_a_move(api: type[ConnectorApi]) -> None:
    started = datetime.now(UTC).replace(microsecond=0)
    with running(api()) as (service, vendor):
        listing = service.list_changes(SINCE)
    if not api.since_text:
        assert (listing, vendor.requests) == (None, [])
        return
    assert listing is not None
    assert set(listing.dates) == {DAY, date(2024, 1, 14)}
    assert listing.as_of == AS_OF if api.sends_time else started <= listing.as_of <= datetime.now(UTC)
    assert api.since_text in vendor.requests[-1].path


@with_changes
def test_an_unreadable_change_does_not_hide_the_others(api: type[ConnectorApi]) -> None:
    def spoil(body: Any) -> Any:
        given.rows_of(body)[0] = {"nonsense": True}
        return body

    given = api(spoil=spoil, lines=(("A", "B"), ("A", "C")))
    with running(given) as (service, _):
        listing = service.list_changes(SINCE)
    assert listing is not None
    assert set(listing.dates) == {DAY, date(2024, 1, 14)}


@with_growth
def test_a_listing_that_changes_must_be_read_again(api: type[ConnectorApi]) -> None:
    with running(api(grows=True)) as (service, _), pytest.raises(ListingChanged):
        list(service.fetch_sales_data(DAY))


@pytest.mark.parametrize(("api", "body"), [(api, body) for api in APIS for body in malformed_bodies(api)])
def test_a_malformed_response_does_not_count_as_an_empty_day(api: type[ConnectorApi], body: Any) -> None:
    with running(api(spoil=lambda _: body)) as (service, _):
        with pytest.raises(StopRun):
            list(service.fetch_sales_data(DAY))
        if api.report_path:
            with pytest.raises(StopRun):
                service.daily_report(DAY)


@every_connector
def test_a_malformed_line_is_rejected(api: type[Described]) -> None:
    with running(api(lines=(("A",),))) as (service, _):
        [page] = service.fetch_sales_data(DAY)
        spoilt: dict[str, Any] = {"nonsense": True}
        if paths := [each.path for each in service.mapping.lines]:
            spoilt = {**page.rows[0], **{key: [] for key in paths}, paths[0]: [spoilt]}
        with pytest.raises(RejectRecord) as rejected:
            service.normalize_sales_record(spoilt)
        assert rejected.value.code == "MISSING_FIELD"


@with_credentials
def test_rejected_credentials_are_an_error_that_names_the_settings(api: type[ConnectorApi]) -> None:
    with running(api(reject_credentials=99)) as (service, _), pytest.raises(FixConfiguration) as raised:
        list(service.fetch_sales_data(DAY))
    assert f"{api.definition.stem} rejected our credentials (401)" in str(raised.value)
    assert list(api.credentials)[-1] in str(raised.value)


@every_connector
def test_a_source_without_settings_is_an_error_that_names_them(api: type[Described]) -> None:
    with pytest.raises(FixConfiguration, match=api.url_variable):
        registry.build(api.definition.stem, load_settings(settings_of(api)), Runtime())


def test_an_unknown_retailer_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(FixConfiguration, match="retailer_1, retailer_2, retailer_3"):
        registry.build("retailer_7", load_settings(WITHOUT_SOURCES), Runtime())


def test_an_expired_token_is_replaced_once_in_the_middle_of_a_listing() -> None:
    retailer = Retailer2Api(reject_credentials=1, reject_from_page=2)
    with running(retailer) as (service, vendor):
        assert len(list(service.fetch_sales_data(DAY))) == 2
    assert retailer.tokens == 2
    sent = [request.headers.get("Authorization") for request in vendor.requests if request.path.startswith("/orders")]
    assert sent == ["Bearer t1", "Bearer t1", "Bearer t2"]


def test_a_signature_covers_the_request_as_sent() -> None:
    import hashlib
    import hmac

    with running(Retailer3Api()) as (service, vendor):
        list(service.fetch_sales_data(DAY))
    for request in vendor.requests:
        message = f"GET\n{request.path}\n{request.headers['X-Timestamp']}".encode()
        assert request.headers["X-Signature"] == hmac.new(b"secret", message, hashlib.sha256).hexdigest()
    assert "fecha=15%2F01%2F2024" in vendor.requests[0].path
    assert {request.headers["Host"] for request in vendor.requests} == {vendor.url.removeprefix("http://")}


@pytest.mark.parametrize("total", ["²", "-1", "9" * 5_000])
def test_a_total_of_other_characters_stops_the_run(total: str) -> None:
    with running(Retailer3Api(total=total)) as (service, _), pytest.raises(StopRun, match="no X-Total-Count"):
        list(service.fetch_sales_data(DAY))


with_page_size = of_each([*(each for each in APIS if each.most_rows), *DATABASES, *MONGODB])


@with_page_size
def test_a_page_says_how_many_rows_were_requested(api: type[Described]) -> None:
    with running(api()) as (service, _):
        assert {page.requested for page in service.fetch_sales_data(DAY)} == {api.most_rows}
