"""Each fault as a client sees it. Faults change only the delivery, not the data."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests

from retailers.faults.bad_rows import HUGE
from retailers.faults.specification import BAD_ROW_KINDS
from tests.integration.retailers.clients import CLIENTS, changes, lines_on
from tests.integration.retailers.conftest import RunningRetailer, Start

DAY = date(2024, 1, 15)


def request_page(retailer: RunningRetailer, page: int = 1, size: int = 100) -> requests.Response:
    """A page of the day's listing."""
    client = retailer.client
    if client.number == 1:
        return client.get("/v1/sales", date="2024-01-15", offset=(page - 1) * size, limit=size)  # type: ignore[no-any-return]
    if client.number == 3:
        return client.get("/api/ventas", fecha="15/01/2024", pagina=page, tamano=size)  # type: ignore[no-any-return]
    response = client.get("/orders", placed_on="2024-01-15", page_size=size // 4)
    for _ in range(page - 1):
        cursor = response.json()["next_cursor"]
        response = client.get("/orders", placed_on="2024-01-15", page_size=size // 4, cursor=cursor)
    return response  # type: ignore[no-any-return]


@pytest.mark.parametrize(("fault", "status"), [("429;retry_after=7", 429), ("500", 500), ("503", 503)])
def test_rejections_are_errors_in_the_retailers_own_format(retailer: RunningRetailer, fault: str, status: int) -> None:
    retailer.faults(fault)
    response = request_page(retailer)
    assert response.status_code == status
    assert response.json().keys() & {"error", "codigo"}
    assert response.headers.get("Retry-After") == ("7" if status == 429 else None)
    retailer.faults("")
    assert request_page(retailer).status_code == 200


def test_a_slow_response_is_late_and_complete(retailer: RunningRetailer) -> None:
    request_page(retailer)
    retailer.faults("slow;seconds=0.4;times=1")
    began = time.perf_counter()
    slow = request_page(retailer)
    assert time.perf_counter() - began >= 0.4
    assert slow.json() and slow.status_code == 200


def test_a_dropped_connection_ends_in_the_middle_of_the_body(retailer: RunningRetailer) -> None:
    retailer.faults("drop")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        request_page(retailer)
    retailer.faults("")
    assert request_page(retailer).json()


def test_a_truncated_body_is_invalid_json(retailer: RunningRetailer) -> None:
    retailer.faults("truncate")
    response = request_page(retailer)
    assert response.status_code == 200 and len(response.content) == int(response.headers["Content-Length"])
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_a_page_of_html_comes_with_status_200(retailer: RunningRetailer) -> None:
    retailer.faults("html")
    response = request_page(retailer)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_listing_fails_at_the_chosen_page(retailer: RunningRetailer) -> None:
    retailer.faults("fail_at_page:3;status=502")
    assert [request_page(retailer, page, 60).status_code for page in (1, 2, 3)] == [200, 200, 502]


def test_a_retailer_that_is_down_also_fails_its_health_check(retailer: RunningRetailer) -> None:
    retailer.faults("down")
    assert requests.get(retailer.url + "/health", timeout=10).status_code == 503
    assert CLIENTS[1](retailer.url).get("/v1/sales").status_code == 503


def test_a_token_expires_in_the_middle_of_a_listing(start: Start) -> None:
    retailer = start(2)
    client = retailer.client
    retailer.faults("expire_token:2")
    orders: list[Any] = []
    more: dict[str, str] = {}
    codes = []
    while True:
        response = client.get("/orders", placed_on="2024-01-15", page_size=30, **more)
        codes.append(response.status_code)
        if response.status_code == 401:
            assert response.json()["error"] == "token_expired"
            client.token = None
            continue
        orders += response.json()["data"]
        if response.json()["next_cursor"] is None:
            break
        more = {"cursor": response.json()["next_cursor"]}
    assert codes[:4] == [200, 200, 401, 200] and codes.count(401) == 1
    retailer.faults("")
    assert orders == [order for page in client.pages(None, placed_on="2024-01-15") for order in page["data"]]


def test_a_record_inserted_on_an_earlier_page_is_missed_but_not_by_report_and_changes(start: Start) -> None:
    for number in (1, 2, 3):
        retailer = start(number)
        truth = lines_on(retailer.client, DAY)
        retailer.faults("insert_after_page:1")
        retailer.set_clock(datetime(2024, 3, 1, 13, tzinfo=UTC))
        seen = lines_on(retailer.client, DAY, 30)
        missed = {line.key for line in truth} - {line.key for line in seen}
        assert missed
        if number != 2:
            assert len(seen) > len({line.key for line in seen}), "the page behind it came twice by one line"
        assert retailer.client.report(DAY).lines == len(truth)
        late = changes(retailer.client, datetime(2024, 3, 1, 13, tzinfo=UTC))
        assert {line.key for line in late} == missed
        again = lines_on(retailer.client, DAY, 30)
        assert {line.key for line in again} == {line.key for line in truth}, "once per day"
        assert sum(line.amount for line in again) == sum(line.amount for line in truth)


def test_a_record_that_is_held_back_appears_when_the_fault_is_switched_off(start: Start) -> None:
    retailer = start(1)
    truth = retailer.client.report(DAY)
    retailer.faults("insert_after_page:50")
    request_page(retailer, 1, 50)
    assert retailer.client.report(DAY).lines == truth.lines - 1
    retailer.admin("DELETE", "/admin/faults")
    assert retailer.client.report(DAY) == truth


def test_a_record_that_was_held_back_appears_after_a_crash(start: Start) -> None:
    retailer = start(3)
    truth = retailer.client.report(DAY)
    retailer.faults("insert_after_page:50")
    request_page(retailer, 1, 50)
    assert start(3, retailer.dsn).client.report(DAY) == truth


def test_duplicates_are_delivered_twice_and_counted_once(retailer: RunningRetailer) -> None:
    truth = lines_on(retailer.client, DAY)
    retailer.faults("duplicates:0.3")
    delivered = lines_on(retailer.client, DAY, 50)
    assert len(delivered) > 1.15 * len(truth)
    assert {line.key: line for line in delivered} == {line.key: line for line in truth}
    assert retailer.client.report(DAY).lines == len(truth)


def is_bad(raw: Any) -> bool:
    first = raw[0] if isinstance(raw, tuple) else raw
    return "BAD" in first.get("sale_id", "") + first.get("id", "") + first.get("ticket", "")


@pytest.mark.parametrize("size", [None, 23])
def test_bad_rows_are_added_to_the_good_ones_and_only_count_in_the_report(
    retailer: RunningRetailer, size: int | None
) -> None:
    truth, report = lines_on(retailer.client, DAY), retailer.client.report(DAY)
    retailer.faults("bad_rows:0.1")
    delivered = retailer.client.sold_on(DAY, size)
    bad = [raw for raw in delivered if is_bad(raw)]
    assert [retailer.client.line(raw) for raw in delivered if not is_bad(raw)] == truth
    assert 8 <= len(bad) <= len(delivered) * 0.12
    with_bad = retailer.client.report(DAY)
    assert (with_bad.lines, with_bad.net) == (len(truth) + len(bad), report.net)
    assert [raw for raw in retailer.client.sold_on(DAY, size) if is_bad(raw)] == bad
    retailer.faults("")
    assert retailer.client.report(DAY) == report


@pytest.mark.parametrize("kind", BAD_ROW_KINDS)
def test_each_kind_of_bad_row_reaches_the_client(retailer: RunningRetailer, kind: str) -> None:
    retailer.faults(f"bad_rows:0.02;kinds={kind}")
    bad = [raw for raw in retailer.client.sold_on(DAY) if is_bad(raw)]
    assert bad
    if kind == "nul_character":
        assert "\0" in str(bad[0]).encode().decode("unicode_escape")
    if kind == "huge_string":
        assert len(str(bad[0])) > HUGE


def test_an_empty_day_is_also_empty_in_the_report(retailer: RunningRetailer) -> None:
    retailer.faults("empty_day:2024-01-15")
    assert retailer.client.sold_on(DAY) == [] and retailer.client.report(DAY).lines == 0
    assert retailer.client.sold_on(date(2024, 1, 16))


def test_an_empty_listing_contradicts_the_report(retailer: RunningRetailer) -> None:
    retailer.faults("empty_listing:2024-01-15")
    assert retailer.client.sold_on(DAY) == [] and retailer.client.report(DAY).lines > 100


def test_random_faults_never_change_the_data(retailer: RunningRetailer) -> None:
    truth, report = lines_on(retailer.client, DAY), retailer.client.report(DAY)
    retailer.faults("429:0.2,500:0.1,503:0.1,truncate:0.1,html:0.1,drop:0.1,duplicates:0.1")
    for _ in range(30):
        try:
            request_page(retailer).json()
        except (requests.RequestException, ValueError, KeyError):
            continue
    fired = {each["name"]: each["fired"] for each in retailer.admin("GET", "/admin/faults")["faults"]}
    assert sum(fired.values()) > 5
    retailer.faults("")
    assert (lines_on(retailer.client, DAY), retailer.client.report(DAY)) == (truth, report)


def test_faults_can_be_set_when_the_retailer_starts(start: Start) -> None:
    assert request_page(start(1, RETAILER_FAULTS="503;times=1")).status_code == 503


def test_the_sandbox_is_closed_without_its_token(start: Start) -> None:
    retailer = start(1)
    for headers in ({}, {"X-Admin-Token": "guess"}):
        assert requests.get(retailer.url + "/admin/faults", headers=headers, timeout=10).status_code == 401
    closed = start(1, retailer.dsn, RETAILER_ADMIN_TOKEN="")
    response = requests.get(closed.url + "/admin/faults", headers={"X-Admin-Token": ""}, timeout=10)
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/admin/faults", {"faults": "418"}),
        ("/admin/faults", ["429"]),
        ("/admin/clock", {"now": "noon"}),
        ("/admin/clock", {"now": "2024-01-01T00:00:00"}),
    ],
)
def test_the_sandbox_says_what_is_wrong(start: Start, path: str, body: object) -> None:
    retailer = start(1)
    response = requests.post(retailer.url + path, json=body, headers={"X-Admin-Token": "admin"}, timeout=10)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_parameter")


def test_the_clock_runs_again_when_it_is_released(start: Start) -> None:
    retailer = start(1)
    retailer.set_clock(datetime(2023, 5, 1, tzinfo=UTC))
    assert retailer.admin("GET", "/admin/clock") == {"now": "2023-05-01T00:00:00Z", "fixed": True}
    retailer.set_clock(None)
    shown = retailer.admin("GET", "/admin/clock")
    assert not shown["fixed"]
    assert abs((datetime.fromisoformat(shown["now"]) - datetime.now(UTC)).total_seconds()) < 60
