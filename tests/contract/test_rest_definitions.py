"""What a definition of `connector: rest` says is what is sent, over real HTTP: credentials, parameters, pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import yaml

from ingestion.connectors.protocol import ListingChanged
from shared.errors import FixConfiguration, RetailError, StopRun
from tests.documentation.documents import fences
from tests.fakes.http_vendor import Reply, Request, http_vendor, reply
from tests.fakes.rest_definitions import AUTH, BASE, PAGINATION, connector_of, row

DAY = date(2024, 1, 15)
SINCE = datetime(2024, 1, 12, 10, 30, 5, 250_000, tzinfo=UTC)
NAMES = ("A", "B", "C", "D", "E")


def query(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.path).query, keep_blank_values=True)


def listed(directory: Path, text: str, respond: Callable[[Request], Reply] | Sequence[Reply]) -> tuple[list[str], Any]:
    """The ids of all rows, and the requests."""
    with http_vendor(respond) as vendor, connector_of(directory, text, vendor.url) as connector:
        pages = list(connector.fetch_sales_data(DAY))
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    return [each["id"] for page in pages for each in page.rows], vendor.requests


def with_pages(pagination: str) -> str:
    return BASE.replace(PAGINATION, f"pagination: {pagination}")


def two_per_page(extra: Callable[[int, str], dict[str, Any]], **headers: str) -> Callable[[Request], Reply]:
    """An API that sends two rows per page, by number, offset, cursor or the last row's id."""

    def respond(request: Request) -> Reply:
        given = {name: values[0] for name, values in query(request).items()}
        start = int(given.get("offset", 0))
        if "page" in given:
            start = (int(given["page"]) - 1) * 2
        if "after" in given:
            start = NAMES.index(given["after"]) + 1
        shown = NAMES[start : start + 2]
        body = {"rows": [row(name) for name in shown], **extra(start, shown[-1] if shown else "")}
        return reply(body, **headers)

    return respond


@pytest.mark.parametrize(
    ("pagination", "extra", "requests"),
    [
        ("{kind: page}", lambda start, last: {}, 4),
        ("{kind: page, pages: meta.pages}", lambda start, last: {"meta": {"pages": 3}}, 3),
        ("{kind: page, pages: {header: X-Pages}}", lambda start, last: {}, 3),
        ("{kind: page, more: more}", lambda start, last: {"more": last != "E"}, 3),
        ("{kind: page, size: 2, total: total}", lambda start, last: {"total": 5}, 3),
        ("{kind: page, more: {header: X-More}}", lambda start, last: {}, 1),
        ("{kind: offset, size: 2, size_parameter: limit}", lambda start, last: {}, 4),
        ("{kind: offset, size: 2, total: {header: X-Total}}", lambda start, last: {}, 3),
        ("{kind: offset, size: 50, more: more}", lambda start, last: {"more": last != "E"}, 3),
        (
            "{kind: cursor, parameter: after, next: next}",
            lambda start, last: {"next": last if last != "E" else None},
            3,
        ),
        (
            "{kind: cursor, parameter: after, next_of_row: id, more: has_more}",
            lambda start, last: {"has_more": last != "E"},
            3,
        ),
        (
            "{kind: link, next: links.next}",
            lambda start, last: {
                "links": {"next": f"https://else.example/sales?page={start // 2 + 2}"} if last != "E" else {}
            },
            3,
        ),
        ("{kind: link}", lambda start, last: {}, 1),
    ],
)
def test_every_way_of_paging_reads_every_row_once(
    tmp_path: Path, pagination: str, extra: Callable[[int, str], dict[str, Any]], requests: int
) -> None:
    headers = {"X-More": "false", "X-Total": "5", "X-Pages": "3"} if "header" in pagination else {}
    names, sent = listed(tmp_path, with_pages(pagination), two_per_page(extra, **headers))
    assert names == list(NAMES if requests > 1 else NAMES[:2])
    assert len(sent) == requests
    assert all(urlsplit(each.path).path == "/sales" for each in sent)
    if "size_parameter" in pagination:
        assert {query(each)["limit"][0] for each in sent} == {"2"}


def test_an_api_that_sends_fewer_rows_than_requested_does_not_make_us_skip_the_others(tmp_path: Path) -> None:
    names, _ = listed(tmp_path, with_pages("{kind: offset, size: 1000}"), two_per_page(lambda start, last: {}))
    assert names == list(NAMES)


def test_fewer_rows_than_the_total_are_not_taken_for_the_complete_listing(tmp_path: Path) -> None:
    respond = two_per_page(lambda start, last: {"total": 5})
    with pytest.raises(ListingChanged, match=r"has 5 rows, but only 2 came.*request smaller pages"):
        listed(tmp_path, with_pages("{kind: offset, size: 1000, total: total}"), respond)


def test_a_total_that_changes_between_two_pages_makes_the_listing_be_read_again(tmp_path: Path) -> None:
    respond = two_per_page(lambda start, last: {"total": 5 + start})
    with pytest.raises(ListingChanged, match="went from 5 to 7 rows"):
        listed(tmp_path, with_pages("{kind: page, size: 2, total: total}"), respond)


@pytest.mark.parametrize("kind", ["cursor", "link"])
def test_a_position_that_the_api_no_longer_knows_makes_the_listing_be_read_again(tmp_path: Path, kind: str) -> None:
    first = reply({"rows": [row("A")], "next": "/sales?cursor=x" if kind == "link" else "x"})
    with pytest.raises(ListingChanged, match=r"no longer knows the position that it sent itself \(410\)"):
        listed(tmp_path, with_pages(f"{{kind: {kind}, next: next}}"), [first, Reply(410)])


@pytest.mark.parametrize(
    ("pagination", "body", "fault"),
    [
        ("{kind: page, more: more}", {"more": "yes"}, "without 'more', or with a wrong value"),
        ("{kind: page, pages: pages}", {"pages": "3"}, "without 'pages'"),
        ("{kind: page, size: 2, total: meta.total}", {"total": 5}, "without 'meta.total'"),
        ("{kind: cursor, next: next, more: more}", {"more": True}, "without 'next'"),
        ("{kind: cursor, next: next}", {"next": {"a": 1}}, "without 'next'"),
        ("{kind: cursor, next: next}", {"next": True}, "without 'next'"),
        ("{kind: cursor, next: next}", {"next": "same"}, "sent the same cursor twice in 'next'"),
        ("{kind: link, next: next}", {"next": 7}, "leads elsewhere"),
        ("{kind: link, next: next}", {"next": "/other?page=2"}, "leads elsewhere"),
        ("{kind: link, next: next}", {"next": "/sales"}, "leads elsewhere"),
        ("{kind: link, next: next}", {"next": "/sales?day=2024-01-15"}, "back to an earlier page"),
    ],
)
def test_a_next_page_that_cannot_be_known_stops_the_run(
    tmp_path: Path, pagination: str, body: dict[str, Any], fault: str
) -> None:
    with pytest.raises(StopRun, match=re.escape(fault)):
        listed(tmp_path, with_pages(pagination), [reply({"rows": [row("A")], **body})])


def test_parameters_are_sent_as_the_definition_writes_them(tmp_path: Path) -> None:
    text = BASE.replace(
        'parameters: {day: "{day}"}',
        'headers: {X-V: "7"}\n  parameters: {"on": "{day:%d/%m/%Y}", before: "{next_day}", from: "{day_start:iso_z}",'
        ' until: "{day_last_second:epoch_ms}", zone: "{day_end:%H%z}", state: [paid, refunded], limit: 5, f: "{{x}}"}',
    ).replace("path: /sales", "path: /days/{day}/sales")
    _, [request] = listed(tmp_path, text, [reply({"rows": []})])
    assert urlsplit(request.path).path == "/days/2024-01-15/sales"
    assert parse_qsl(urlsplit(request.path).query) == [
        ("on", "15/01/2024"),
        ("before", "2024-01-16"),
        ("from", "2024-01-14T23:00:00Z"),
        ("until", "1705359599000"),
        ("zone", "00+0100"),
        ("state", "paid"),
        ("state", "refunded"),
        ("limit", "5"),
        ("f", "{x}"),
    ]
    assert request.headers["X-V"] == "7"


def credentials_sent(directory: Path, auth: str, *replies: Reply, **settings: str) -> list[Request]:
    text = BASE.replace(AUTH, auth)
    with (
        http_vendor([*replies, reply({"rows": []})]) as vendor,
        connector_of(
            directory, text.replace("TOKEN_URL", f"{vendor.url}/login?tenant=7"), vendor.url, **settings
        ) as it,
    ):
        assert [list(page.rows) for page in it.fetch_sales_data(DAY)] == [[]]
    return vendor.requests


def test_fixed_credentials_are_sent_with_every_request(tmp_path: Path) -> None:
    [by_query] = credentials_sent(tmp_path, "{kind: query, name: key, value: {secret: SHOP_KEY}}", SHOP_KEY="a&b=c")
    assert query(by_query) == {"day": ["2024-01-15"], "key": ["a&b=c"]}
    [bearer] = credentials_sent(tmp_path, "{kind: bearer, token: {secret: SHOP_KEY}}")
    assert bearer.headers["Authorization"] == "Bearer hunter2"
    [basic] = credentials_sent(tmp_path, "{kind: basic, user: {env: USER}, password: {secret: SHOP_KEY}}", USER="ann")
    assert base64.b64decode(basic.headers["Authorization"].removeprefix("Basic ")) == b"ann:hunter2"


def test_a_token_is_requested_where_and_as_the_definition_says(tmp_path: Path) -> None:
    auth = "{kind: oauth2, client_id: {env: USER}, client_secret: {secret: SHOP_KEY}, token_url: TOKEN_URL,"
    auth += " scope: orders.read, send_as: basic}"
    token = reply({"access_token": "t1", "token_type": "Bearer"})
    request, listing = credentials_sent(tmp_path, auth.replace("TOKEN_URL", '"TOKEN_URL"'), token, USER="ann")
    assert (request.method, request.path) == ("POST", "/login?tenant=7")
    assert parse_qs(request.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["orders.read"]}
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")) == b"ann:hunter2"
    assert listing.headers["Authorization"] == "Bearer t1"


def test_a_signature_is_made_as_the_definition_says(tmp_path: Path) -> None:
    auth = '{kind: hmac, client_id: {env: USER}, secret: {secret: SHOP_KEY}, message: "{client_id}|{timestamp}|{path}",'
    auth += (
        " digest: sha512, encoding: base64, client_header: X-Shop, timestamp_header: X-Now, signature_header: X-Sign}"
    )
    [request] = credentials_sent(tmp_path, auth, USER="ann")
    message = f"ann|{request.headers['X-Now']}|/sales?day=2024-01-15".encode()
    expected = hmac.new(b"hunter2", message, hashlib.sha512).digest()
    assert (request.headers["X-Shop"], base64.b64decode(request.headers["X-Sign"])) == ("ann", expected)


@pytest.mark.parametrize("response", [Reply(401), Reply(404), Reply(500), Reply(302), reply([]), Reply(body=b"{")])
def test_no_message_contains_a_key_that_is_in_the_address(tmp_path: Path, response: Reply) -> None:
    text = BASE.replace(AUTH, "{kind: query, name: key, value: {secret: SHOP_KEY}}")
    with pytest.raises(RetailError) as raised:
        listed(tmp_path, text, [response])
    assert "shop" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_an_api_behind_a_query_key_may_repeat_it_in_its_links(tmp_path: Path) -> None:
    text = with_pages("{kind: link, next: next}").replace(AUTH, "{kind: query, name: key, value: {secret: SHOP_KEY}}")
    first = reply({"rows": [row("A")], "next": "?day=2024-01-15&page=2&key=hunter2"})
    names, sent = listed(tmp_path, text, [first, reply({"rows": [row("B")]})])
    assert (names, query(sent[1])["key"]) == (["A", "B"], ["hunter2"])


REPORT = '\n  report: {path: /closing, parameters: {day: "{day}"}, lines: count, net: NET}'


@pytest.mark.parametrize(
    ("net", "body", "expected"),
    [
        ("{path: net}", {"net": {"EUR": "-1.50", "CHF": "2"}}, {"EUR": Decimal("-1.50"), "CHF": Decimal(2)}),
        ("{path: a.net, currency: EUR}", {"a": {"net": 7}}, {"EUR": Decimal(7)}),
        ("{path: net, currency: EUR, minor_units: 2}", {"net": 1250}, {"EUR": Decimal("12.50")}),
        ('{path: net, currency: EUR, decimal: ",", thousands: "."}', {"net": "1.234,5"}, {"EUR": Decimal("1234.5")}),
    ],
)
def test_a_control_report_is_read_exactly(
    tmp_path: Path, net: str, body: dict[str, Any], expected: dict[str, Decimal]
) -> None:
    text = BASE.replace(PAGINATION, PAGINATION + REPORT.replace("NET", net))
    with http_vendor([reply({"count": 4, **body})]) as vendor, connector_of(tmp_path, text, vendor.url) as connector:
        report = connector.daily_report(DAY)
        connector.check(DAY)
    assert report is not None
    assert (report.lines, report.net) == (4, expected)
    assert {each.path for each in vendor.requests} == {"/closing?day=2024-01-15"}


@pytest.mark.parametrize("amount", [12.5, "12,50", None, "1e3", True, {"EUR": "1"}, "9" * 60])
def test_a_reported_amount_that_is_not_exact_stops_the_run(tmp_path: Path, amount: object) -> None:
    text = BASE.replace(PAGINATION, PAGINATION + REPORT.replace("NET", "{path: net}"))
    body = reply({"count": 4, "net": {"EUR": amount}})
    with (
        http_vendor([body]) as vendor,
        connector_of(tmp_path, text, vendor.url) as connector,
        pytest.raises(StopRun, match="daily report of 2024-01-15 cannot be read"),
    ):
        connector.daily_report(DAY)


def changes_of(directory: Path, changes: str, body: Any) -> Any:
    text = BASE.replace(PAGINATION, f"{PAGINATION}\n  changes: {changes}")
    with http_vendor([reply(body)]) as vendor, connector_of(directory, text, vendor.url) as connector:
        found = connector.list_changes(SINCE)
    assert found is not None
    return found.dates, vendor.requests[0].path


def test_changed_rows_name_their_dates_as_the_rows_are_mapped(tmp_path: Path) -> None:
    rows = [row("A"), row("B", at="2024-01-13T23:30:00Z", was="12.01.2024"), row("C", at="2024-01-13T22:30:00Z")]
    changes = '{parameters: {since: "{since:epoch_ms}"}, previous_date: {path: was, format: "%d.%m.%Y"}}'
    dates, path = changes_of(tmp_path, changes, {"rows": rows})
    assert path == "/sales?since=1705055405250"
    assert dates == {
        date(2024, 1, 15): datetime(2024, 1, 15, 9, tzinfo=UTC),
        date(2024, 1, 14): datetime(2024, 1, 13, 23, 30, tzinfo=UTC),
        date(2024, 1, 12): datetime(2024, 1, 13, 23, 30, tzinfo=UTC),
        date(2024, 1, 13): datetime(2024, 1, 13, 22, 30, tzinfo=UTC),
    }


def test_a_list_of_changes_can_be_one_of_dates(tmp_path: Path) -> None:
    changes = "{path: /changed, rows: dates, parameters: {since: '{since:%d/%m/%Y %H:%M}'}, date: {}}"
    dates, path = changes_of(tmp_path, changes, {"dates": ["2024-01-15", "soon", "2024-01-11"]})
    assert path == "/changed?since=12%2F01%2F2024+11%3A30"
    assert list(dates) == [date(2024, 1, 15), date(2024, 1, 11)]
    assert all(time.year == 9998 for time in dates.values()), "nobody knows when, so these dates are read again"


def test_a_list_of_changes_of_which_none_of_many_rows_can_be_read_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(StopRun, match=r"none of the 10 rows of its list of changes can be read.*correct api\.changes"):
        changes_of(tmp_path, "{parameters: {since: '{since}'}, date: day}", {"rows": [row("A")] * 10})
    assert changes_of(tmp_path, "{parameters: {since: '{since}'}, date: day}", {"rows": [row("A")] * 9})[0] == {}
    assert changes_of(tmp_path, "{parameters: {since: '{since}'}, date: day}", {"rows": []})[0] == {}


def test_the_example_of_the_manual_reads_the_response_of_the_manual(tmp_path: Path) -> None:
    manual = fences("docs/connectors/rest.md")
    definition = next(each.text for each in manual if each.language == "yaml")
    response = json.loads(next(each.text for each in manual if each.language == "json"))
    text = yaml.safe_load(definition) | {"id": "shop"}
    closing = {"date": "2024-01-15", "lines": 812, "totals": {"EUR": "20418.35"}}

    def respond(request: Request) -> Reply:
        if request.path.startswith("/v1/closing"):
            return reply(closing)
        return reply({**response, "next": None} if "after" in query(request) else response)

    named = {"GARDEN_TOOLS_TOKEN": "t"}
    with (
        http_vendor(respond) as vendor,
        connector_of(tmp_path, yaml.safe_dump(text), "", GARDEN_TOOLS_URL=vendor.url, **named) as connector,
    ):
        pages = list(connector.fetch_sales_data(DAY))
        record = connector.normalize_sales_record(pages[0].rows[0])
        report, changes = connector.daily_report(DAY), connector.list_changes(SINCE)
    assert [page.as_of for page in pages] == [datetime(2024, 1, 16, 5, 0, 1, tzinfo=UTC)] * 2
    assert (record.transaction_id, record.net_amount, record.business_date) == ("G-1007", Decimal("49.9000"), DAY)
    assert (record.customer_id, record.product_category) == ("K17", "Digging")
    assert report is not None and changes is not None
    assert (report.lines, report.net) == (812, {"EUR": Decimal("20418.35")})
    assert changes.dates == {DAY: datetime(2024, 1, 15, 13, 4, tzinfo=UTC)}
    sent = [each.path for each in vendor.requests]
    assert sent[:2] == ["/v1/sales?date=2024-01-15&limit=500", "/v1/sales?date=2024-01-15&limit=500&after=eyJvIjo1MDB9"]
    assert "/v1/sales?changed_since=2024-01-12T10%3A30%3A05Z&limit=500" in sent


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "type: number}\n    unit",
            "type: numbr}\n    unit",
            "shop.yaml:22: mapping.columns.quantity.type: 'numbr' is not",
        ),
        (
            "  columns:",
            "  outliers: [{field: quantity}]\n  columns:",
            "mapping.outliers: only the mapping of files can",
        ),
        ("  columns:", "  rows: csv\n  columns:", "mapping.rows: the definition itself says it; remove it"),
        ("sold_at: at", "sold_at: {column: at, format: auto}", "mapping.columns.sold_at.format: only the mapping of"),
        ("sold_at: at", "sold_at: {columns: [d, t]}", "api.changes.date: it is missing, and `sold_at` is not mapped"),
    ],
)
def test_a_mistake_that_only_the_mapping_shows_is_an_error_before_a_request(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    text = BASE.replace(PAGINATION, PAGINATION + "\n  changes: {parameters: {since: '{since}'}}")
    assert old in text
    with (
        pytest.raises(FixConfiguration, match=re.escape(fault)),
        connector_of(tmp_path, text.replace(old, new, 1), "x"),
    ):
        pass
