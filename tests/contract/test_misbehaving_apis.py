"""How every connector meets an API that misbehaves in transport or while it is paged, over real HTTP.

`tests/hostile` lands from such APIs, in bounded time and memory. This is what the connectors themselves do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

import pytest

from ingestion.connectors import registry
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Runtime
from shared.config import load_settings
from shared.errors import FixConfiguration, RetryLater, StopRun
from tests.contract.test_connectors import APIS, every_connector, of_each, settings_of
from tests.fakes.connector_api import DAY, ConnectorApi
from tests.fakes.http_vendor import Reply, Request, http_vendor

Respond = Callable[[Request], Reply]
ATTEMPTS = 3


class Reading:
    """A listing that was read completely, and how long was waited meanwhile."""

    def __init__(self, api: ConnectorApi, respond: Respond, most_mb: int = 1) -> None:
        self.slept: list[float] = []
        with http_vendor(respond) as self.vendor:
            limits = {
                "INGEST_REQUESTS_PER_SECOND": "10000",
                "INGEST_MAX_ATTEMPTS": str(ATTEMPTS),
                "INGEST_MAX_RESPONSE_MB": str(most_mb),
            }
            settings = load_settings(
                {**settings_of(type(api)), **limits, api.url_variable: self.vendor.url, **api.credentials}
            )
            runtime = Runtime(sleep=self.slept.append, jitter=lambda: 0.0)
            connector = registry.build(api.definition.stem, settings, runtime)
            try:
                paging = PageLimits(api.definition.stem, 10, runtime.monotonic)
                self.rows = 0
                for page in connector.fetch_sales_data(DAY):
                    paging.check(page.rows, page.requested)
                    self.rows += len(page.rows)
            finally:
                connector.close()


def is_page(api: ConnectorApi, request: Request) -> bool:
    return urlsplit(request.path).path == api.listing_path


def first_pages(api: ConnectorApi, *spoilt: Callable[[Reply], Reply]) -> Respond:
    """An API whose first responses about its listing are spoilt, one after the other."""
    left = list(spoilt)

    def respond(request: Request) -> Reply:
        right = api(request)
        return left.pop(0)(right) if left and is_page(api, request) else right

    return respond


def always(api: ConnectorApi, change: Callable[[Reply], Reply]) -> Respond:
    return lambda request: change(api(request)) if is_page(api, request) else api(request)


def too_many(retry_after: str | None) -> Callable[[Reply], Reply]:
    return lambda right: Reply(429, headers={} if retry_after is None else {"Retry-After": retry_after})


def cut_off(right: Reply) -> Reply:
    return replace(right, body=right.body[: len(right.body) // 2])


@every_connector
def test_an_api_that_wants_fewer_requests_gets_them_when_it_says(api: type[ConnectorApi]) -> None:
    made = api()
    read = Reading(made, first_pages(made, too_many("7"), too_many(None)))
    assert read.rows == 3
    assert [wait for wait in read.slept if wait >= 0.25] == [7.0, 0.5]
    until = format_datetime(datetime(2099, 1, 1, tzinfo=UTC), usegmt=True)
    made = api()
    assert 120.0 in Reading(made, first_pages(made, too_many(until))).slept, "a wait is not longer than two minutes"


@every_connector
def test_an_api_that_always_wants_fewer_requests_is_given_up_for_now(api: type[ConnectorApi]) -> None:
    made = api()
    with pytest.raises(RetryLater, match="responded with 429"):
        Reading(made, always(made, too_many("1")))


@every_connector
@pytest.mark.parametrize("spoil", [cut_off, lambda right: replace(right, content_type="text/html", body=b"<html>")])
def test_a_response_that_is_cut_off_or_not_json_is_requested_again(
    api: type[ConnectorApi], spoil: Callable[[Reply], Reply]
) -> None:
    made = api()
    read = Reading(made, first_pages(made, spoil, lambda right: replace(right, announced=len(right.body) + 9)))
    assert read.rows == 3
    made = api()
    with pytest.raises(RetryLater):
        Reading(made, always(made, spoil))


@every_connector
def test_credentials_that_are_rejected_in_the_middle_do_not_end_as_a_shorter_listing(api: type[ConnectorApi]) -> None:
    made = api(reject_credentials=99, reject_from_page=2)
    with pytest.raises(FixConfiguration, match=r"rejected our credentials \(401\)"):
        Reading(made, made)


@every_connector
def test_a_redirect_to_another_host_is_not_followed(api: type[ConnectorApi]) -> None:
    made = api()
    with http_vendor([Reply()]) as other:
        moved = Reply(302, headers={"Location": f"{other.url}/steal"})
        with pytest.raises(FixConfiguration, match="302"):
            Reading(made, always(made, lambda _: moved))
    assert other.requests == []


@every_connector
def test_a_response_that_is_too_large_stops_the_run(api: type[ConnectorApi]) -> None:
    made = api()
    with pytest.raises(StopRun, match="more than 1048576 bytes"):
        Reading(made, always(made, lambda right: replace(right, body=b" " * 1_100_000 + right.body)))


@every_connector
def test_pages_that_never_end_stop_the_run(api: type[ConnectorApi]) -> None:
    made = api(next_page=lambda number: number + 1)
    with pytest.raises(StopRun, match="20 pages in a row brought nothing new"):
        Reading(made, made)


with_named_pages = of_each(each for each in APIS if "2" in each.__name__ or "3" in each.__name__)


@with_named_pages
def test_a_page_that_names_itself_as_the_next_one_stops_the_run(api: type[ConnectorApi]) -> None:
    made = api(next_page=lambda number: max(number, 2))
    with pytest.raises(StopRun, match=r"brought nothing new|next_cursor|leads elsewhere"):
        Reading(made, made)


@every_connector
def test_a_page_that_is_sent_twice_is_read_as_it_was_sent(api: type[ConnectorApi]) -> None:
    made = api(lines=(("A", "B"), ("A", "B"), ("C",)))
    assert Reading(made, made).rows == 5
