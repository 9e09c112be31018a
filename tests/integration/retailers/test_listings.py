"""What every retailer's API guarantees, whatever its format."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg2
import pytest
import requests

from tests.integration.retailers.clients import Line, Report, changes, lines_on
from tests.integration.retailers.conftest import RunningRetailer, Start

DAY = date(2024, 1, 15)
CURRENCY = {1: "USD", 2: "GBP", 3: "EUR"}


def summed(lines: list[Line]) -> Report:
    net: dict[str, Decimal] = {}
    for line in lines:
        net[line.currency] = net.get(line.currency, Decimal(0)) + line.amount
    return Report(len(lines), net)


def day_text(retailer: RunningRetailer, day: date) -> str:
    return f"{day:%d/%m/%Y}" if retailer.client.number == 3 else day.isoformat()


def list_day(retailer: RunningRetailer, text: str, **more: object) -> requests.Response:
    client = retailer.client
    response: requests.Response = client.get(client.listing, **{client.day_parameter: text}, **more)
    return response


@pytest.mark.parametrize("day", [DAY, date(2023, 1, 1), date(2024, 2, 29)])
def test_a_day_adds_up_to_its_control_report(retailer: RunningRetailer, day: date) -> None:
    lines = lines_on(retailer.client, day)
    assert 100 < len(lines) < 500
    assert summed(lines) == retailer.client.report(day)
    assert {line.day for line in lines} == {day}
    assert {line.currency for line in lines} == {CURRENCY[retailer.client.number]}
    assert {line.kind for line in lines} >= {"sale", "return"}
    assert all(line.amount < 0 for line in lines if line.kind == "return")
    assert all(line.amount > 0 for line in lines if line.kind == "sale")


@pytest.mark.parametrize("size", [1, 7, 100, 2000])
def test_pages_of_any_size_give_the_same_lines_in_the_same_order(retailer: RunningRetailer, size: int) -> None:
    day = date(2023, 2, 13)
    lines = lines_on(retailer.client, day, size)
    assert lines == lines_on(retailer.client, day)
    assert max(Counter(line.key for line in lines).values()) == 1
    assert [line.sold_at for line in lines] == sorted(line.sold_at for line in lines)


def test_a_day_is_the_same_in_any_database_and_order(retailer: RunningRetailer, start: Start) -> None:
    other = start(retailer.client.number, RETAILER_TODAY="2024-03-01T12:00:00+00:00")
    days = [DAY + timedelta(days=number) for number in range(4)]
    backwards = {day: other.client.sold_on(day) for day in reversed(days)}
    assert {day: retailer.client.sold_on(day) for day in days} == backwards


def test_two_first_requests_at_once_generate_a_day_once(retailer: RunningRetailer) -> None:
    day = date(2023, 7, 4)
    with ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(lambda _: lines_on(retailer.client, day), range(4)))
    assert responses[0] and all(response == responses[0] for response in responses)
    assert retailer.client.report(day) == summed(responses[0])


@pytest.mark.parametrize("day", [date(2022, 12, 31), date(1999, 1, 1), date(2024, 3, 2), date(2030, 1, 1)])
def test_dates_without_sales_are_empty(retailer: RunningRetailer, day: date) -> None:
    assert lines_on(retailer.client, day) == []
    assert retailer.client.report(day) == Report(0, {})


def test_today_has_the_sales_up_to_now(retailer: RunningRetailer) -> None:
    day = date(2024, 2, 20)
    seen: list[set[tuple[str, str | None]]] = []
    for hour in (5, 14, 18, 23):
        now = datetime(2024, 2, 20, hour, tzinfo=UTC)
        retailer.set_clock(now)
        lines = lines_on(retailer.client, day)
        assert all(line.sold_at <= now and line.changed_at <= now for line in lines)
        assert summed(lines) == retailer.client.report(day)
        seen.append({line.key for line in lines})
    assert seen[0] == set() if retailer.client.number == 1 else len(seen[0]) < 10
    assert seen[0] < seen[1] < seen[2] < seen[3]


@pytest.mark.long
def test_the_changes_bring_an_old_copy_of_the_sales_up_to_date(retailer: RunningRetailer, start: Start) -> None:
    """A client that copied three weeks and then reads only changes has the same sales as the retailer."""
    retailer = start(retailer.client.number, RETAILER_LINES_PER_DAY="1200")
    days = [DAY + timedelta(days=number) for number in range(21)]
    then, now = datetime(2024, 2, 4, 22, tzinfo=UTC), datetime(2024, 2, 14, 22, tzinfo=UTC)
    retailer.set_clock(then)
    copy = {line.key: line for day in days for line in lines_on(retailer.client, day)}
    retailer.set_clock(now)
    feed = changes(retailer.client, then + timedelta(seconds=1 if retailer.client.number != 3 else 60))
    assert all(then < line.changed_at <= now for line in feed)
    what: Counter[str] = Counter()
    for line in feed:
        old = copy.pop(line.key, None)
        what["withdrawn" if line.withdrawn else "late" if old is None else "corrected"] += 1
        what["moved"] += line.previous_day is not None
        if not line.withdrawn and line.day in days:
            copy[line.key] = line
    present = {line.key: line for day in days for line in lines_on(retailer.client, day)}
    assert copy == present
    assert all(what[name] for name in ("withdrawn", "late", "corrected")), what
    for day in days:
        assert retailer.client.report(day) == summed([line for line in present.values() if line.day == day])


def test_a_line_that_moved_to_another_date_names_both(start: Start, retailer: RunningRetailer) -> None:
    larger = start(retailer.client.number, RETAILER_LINES_PER_DAY="4000", RETAILER_TODAY="2024-03-01")
    larger.set_clock(datetime(2024, 1, 16, 23, tzinfo=UTC))
    wrong = {line.key: line for line in lines_on(larger.client, DAY + timedelta(days=1))}
    larger.set_clock(datetime(2024, 2, 10, 12, tzinfo=UTC))
    moved = [line for line in lines_on(larger.client, DAY) if line.previous_day]
    assert moved
    for line in moved:
        assert line.previous_day == DAY + timedelta(days=1) == wrong[line.key].day
        assert line.sold_at < wrong[line.key].sold_at
    keys = {line.key for line in moved}
    assert keys.isdisjoint(line.key for line in lines_on(larger.client, DAY + timedelta(days=1)))
    feed = changes(larger.client, datetime(2024, 1, 17, tzinfo=UTC))
    assert keys <= {line.key for line in feed if line.previous_day}


def test_changes_include_those_of_the_bound_itself_in_order_of_time(retailer: RunningRetailer) -> None:
    lines_on(retailer.client, date(2024, 2, 1))
    feed = changes(retailer.client, datetime(2024, 2, 1, 12, tzinfo=UTC))
    times = [line.changed_at for line in feed]
    assert times == sorted(times)
    middle = times[len(times) // 2]
    assert [line for line in feed if line.changed_at >= middle] == changes(retailer.client, middle, 10)


def test_customers_are_as_they_were_when_they_bought(retailer: RunningRetailer) -> None:
    lines = [line for month in range(1, 13) for line in lines_on(retailer.client, date(2023, month, 11))]
    states: dict[str, set[object]] = {}
    for line in lines:
        if line.customer:
            assert None not in line.customer_state
            states.setdefault(line.customer, set()).add(line.customer_state)
        else:
            assert set(line.customer_state) == {None}
    assert sum(len(each) > 1 for each in states.values()) > 20


def test_each_response_says_how_long_the_server_took(retailer: RunningRetailer) -> None:
    assert list_day(retailer, day_text(retailer, DAY)).headers["Server-Timing"].startswith("app;dur=")


@pytest.mark.parametrize("text", ["2024-02-30", "30/02/2024", "15-01-2024", "20240115", "tomorrow", "2024-1-5"])
def test_an_invalid_date_is_a_bad_request(retailer: RunningRetailer, text: str) -> None:
    response = list_day(retailer, text)
    assert response.status_code == 400
    assert text in str(response.json())


def test_exactly_one_of_date_and_time_of_change_is_required(retailer: RunningRetailer) -> None:
    client = retailer.client
    since = {1: "2024-01-15T00:00:00Z", 2: "1705329802", 3: "15/01/2024 00:00"}[client.number]
    assert client.get(client.listing).status_code == 400
    assert list_day(retailer, day_text(retailer, DAY), **{client.since_parameter: since}).status_code == 400


@pytest.mark.parametrize("size", ["0", "-1", "x", "5001", "1e3"])
def test_a_wrong_page_size_is_a_bad_request(retailer: RunningRetailer, size: str) -> None:
    response = list_day(retailer, day_text(retailer, DAY), **{retailer.client.size_parameter: size})
    assert response.status_code == 400
    assert retailer.client.size_parameter in str(response.json())


def test_unknown_paths_and_methods_are_rejected_in_json(retailer: RunningRetailer) -> None:
    assert retailer.client.get("/nothing/here").status_code == 404
    response = requests.delete(retailer.url + retailer.client.listing, timeout=10)
    assert response.status_code == 405
    assert response.headers["Content-Type"] == "application/json" and response.json()


def test_health_needs_no_key(retailer: RunningRetailer) -> None:
    response = requests.get(retailer.url + "/health", timeout=10)
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert response.json()["retailer"] == f"retailer_{retailer.client.number}"


def test_the_rate_limit_says_when_to_come_back(start: Start, retailer: RunningRetailer) -> None:
    strict = start(retailer.client.number, RETAILER_RATE_LIMIT="1")
    responses = [list_day(strict, day_text(strict, date(2022, 1, 1))) for _ in range(4)]
    rejected = [response for response in responses if response.status_code == 429]
    assert rejected
    assert int(rejected[0].headers["Retry-After"]) >= 1


def test_each_database_has_tables_of_its_own_kind(retailer: RunningRetailer) -> None:
    expected = {
        1: {"pos_sales"},
        2: {"shops", "catalogue", "buyers", "orders", "order_lines"},
        3: {"tiendas", "articulos", "clientes_historial", "asientos"},
    }
    with psycopg2.connect(retailer.dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        assert {row[0] for row in cursor} == expected[retailer.client.number]
