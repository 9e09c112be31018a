"""What differs between retailers: fields as the manual lists them, authentication, pagination, money and time."""

from __future__ import annotations

import http.client
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import requests

from tests.integration.retailers.clients import TIMEOUT, Client2, Client3
from tests.integration.retailers.conftest import RunningRetailer, Start

DAY = date(2024, 1, 15)
MANUAL = (Path(__file__).parents[3] / "docs" / "RETAILERS.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def first(start: Start) -> RunningRetailer:
    return start(1)


@pytest.fixture(scope="module")
def second(start: Start) -> RunningRetailer:
    return start(2)


@pytest.fixture(scope="module")
def third(start: Start) -> RunningRetailer:
    return start(3)


def test_every_field_that_is_sent_is_in_the_manual(
    first: RunningRetailer, second: RunningRetailer, third: RunningRetailer
) -> None:
    order = next(order for order, _ in second.client.sold_on(DAY) if order["buyer"])
    line = next(line for line in third.client.sold_on(DAY) if line["cliente"])
    groups = [first.client.sold_on(DAY)[0], order, order["lines"][0], order["buyer"], order["lines"][0]["product"]]
    groups += [line, line["tienda"], line["articulo"], line["cliente"]]
    for group in groups:
        for name in group:
            documented = f"`{name}`" in MANUAL or f"`lines[].{name}`" in MANUAL
            assert documented or ("customer_*" in MANUAL and name.startswith("customer_")), name


# Retailer 1


@pytest.mark.parametrize(
    ("key", "code"), [(None, "missing_api_key"), ("wrong", "invalid_api_key"), ("", "invalid_api_key")]
)
def test_retailer_1_requires_its_key(first: RunningRetailer, key: str | None, code: str) -> None:
    headers = {} if key is None else {"X-API-Key": key}
    response = requests.get(first.url + "/v1/sales?date=2024-01-15", headers=headers, timeout=TIMEOUT)
    assert (response.status_code, response.json()["error"]["code"]) == (401, code)


def test_retailer_1_gives_the_offset_of_the_season(first: RunningRetailer) -> None:
    assert {row["sold_at"][-6:] for row in first.client.sold_on(DAY)} == {"-05:00"}
    assert {row["sold_at"][-6:] for row in first.client.sold_on(date(2023, 7, 4))} == {"-04:00"}


def test_retailer_1_writes_money_as_decimals_and_changes_in_utc(first: RunningRetailer) -> None:
    for row in first.client.sold_on(DAY):
        assert re.fullmatch(r"-?\d+\.\d\d", row["unit_price"]) and re.fullmatch(r"-?\d+\.\d\d", row["line_total"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["last_modified"])
        assert (row["qty"] < 0) == (row["txn_type"] == "RETURN") or row["txn_type"] == "ADJUST"


def test_retailer_1_pages_by_offset(first: RunningRetailer) -> None:
    page = first.client.get("/v1/sales", date="2024-01-15", offset=3, limit=2).json()
    everything = first.client.sold_on(DAY)
    assert page["rows"] == everything[3:5]
    assert (page["total"], page["offset"], page["limit"]) == (len(everything), 3, 2)
    beyond = first.client.get("/v1/sales", date="2024-01-15", offset=10**6).json()
    assert (beyond["rows"], beyond["total"]) == ([], len(everything))


@pytest.mark.parametrize("text", ["2024-01-15", "2024-01-15T00:00:00", "yesterday"])
def test_retailer_1_requires_times_with_an_offset(first: RunningRetailer, text: str) -> None:
    assert first.client.get("/v1/sales", updated_since=text).status_code == 400


def test_retailer_1_reads_any_offset(first: RunningRetailer) -> None:
    first.client.sold_on(date(2024, 2, 28))
    counts = {
        first.client.get("/v1/sales", updated_since=text, limit=1).json()["total"]
        for text in ("2024-02-28T18:00:00Z", "2024-02-28T13:00:00-05:00", "2024-02-28T19:00:00+01:00")
    }
    assert len(counts) == 1 and counts.pop() > 0


# Retailer 2


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "client", "client_secret": "x"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "password", "client_id": "client"}, 400, "unsupported_grant_type"),
        ({}, 400, "unsupported_grant_type"),
    ],
)
def test_retailer_2_gives_no_token_to_strangers(
    second: RunningRetailer, form: dict[str, str], status: int, error: str
) -> None:
    response = requests.post(second.url + "/oauth/token", data=form, timeout=TIMEOUT)
    assert (response.status_code, response.json()["error"]) == (status, error)


def test_retailer_2_also_accepts_basic_authentication(second: RunningRetailer) -> None:
    response = requests.post(
        second.url + "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=("client", "secret"),
        timeout=TIMEOUT,
    )
    assert response.json()["token_type"] == "Bearer" and response.json()["expires_in"] == 300


@pytest.mark.parametrize(("header", "error"), [(None, "missing_token"), ("Bearer made.up.token", "invalid_token")])
def test_retailer_2_requires_a_token(second: RunningRetailer, header: str | None, error: str) -> None:
    headers = {"Authorization": header} if header else {}
    response = requests.get(second.url + "/orders?placed_on=2024-01-15", headers=headers, timeout=TIMEOUT)
    assert (response.status_code, response.json()["error"]) == (401, error)
    assert error in response.headers["WWW-Authenticate"]


def test_retailer_2_expires_tokens(start: Start) -> None:
    hasty = start(2, RETAILER_TOKEN_SECONDS="1")
    deadline = datetime.now(UTC).timestamp() + 5
    while (response := hasty.client.get("/orders", placed_on="2024-01-15")).status_code == 200:
        assert datetime.now(UTC).timestamp() < deadline
    assert (response.status_code, response.json()["error"]) == (401, "token_expired")


def test_retailer_2_pages_by_cursor_with_orders_not_lines(second: RunningRetailer) -> None:
    pages = list(second.client.pages(5, placed_on="2024-01-15"))
    assert [len(page["data"]) for page in pages[:-1]] == [5] * (len(pages) - 1)
    assert pages[-1]["next_cursor"] is None
    assert any(len(order["lines"]) > 1 for page in pages for order in page["data"])


def test_retailer_2_rejects_the_cursor_of_another_listing(second: RunningRetailer) -> None:
    cursor = second.client.get("/orders", placed_on="2024-01-15", page_size=1).json()["next_cursor"]
    response = second.client.get("/orders", placed_on="2024-01-16", cursor=cursor)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_cursor")


def test_retailer_2_counts_in_integer_pence(second: RunningRetailer) -> None:
    for order, line in second.client.sold_on(DAY):
        assert order["currency"] == {"code": "GBP", "exponent": 2}
        assert type(line["amount"]) is int and type(line["unit_amount"]) is int and type(order["placed_at"]) is int
        assert line["quantity"] > 0 or order["kind"] == "adjustment"


# Retailer 3


@pytest.mark.parametrize(
    ("changed", "codigo"),
    [
        ({"X-Signature": ""}, "firma_ausente"),
        ({"X-Client-Id": "otro"}, "cliente_desconocido"),
        ({"X-Timestamp": "1705329802"}, "sello_caducado"),
        ({"X-Signature": "0" * 64}, "firma_invalida"),
    ],
)
def test_retailer_3_requires_signed_requests(third: RunningRetailer, changed: dict[str, str], codigo: str) -> None:
    response = third.client.send("/api/ventas?fecha=15%2F01%2F2024", **changed)
    assert (response.status_code, response.json()["codigo"]) == (401, codigo)


def test_retailer_3_checks_the_path_as_it_was_sent(third: RunningRetailer) -> None:
    for target in ("/api/ventas?fecha=15/01/2024", "/api/ventas?fecha=15%2f01%2F2024&pagina=1", "/api/ventas?"):
        # Not by requests: it tidies up what it sends.
        connection = http.client.HTTPConnection(third.url.removeprefix("http://"), timeout=TIMEOUT)
        connection.request("GET", target, headers=third.client.headers(target))
        assert connection.getresponse().status == (200 if "fecha" in target else 400)
        connection.close()
    assert Client3(third.url, secret="other").send("/api/cierre?fecha=15/01/2024").status_code == 401


def test_retailer_3_links_its_pages(third: RunningRetailer) -> None:
    response = third.client.get("/api/ventas", fecha="15/01/2024", pagina=2, tamano=50)
    total = int(response.headers["X-Total-Count"])
    assert total == len(third.client.sold_on(DAY))
    pages = {name: re.search(r"pagina=(\d+)", link["url"]) for name, link in response.links.items()}
    assert {name: int(found[1]) for name, found in pages.items() if found} == {
        "first": 1, "prev": 1, "next": 3, "last": -(-total // 50),
    }  # fmt: skip
    assert response.headers["X-Fecha-Corte"] == "01/03/2024 12:00"
    beyond = third.client.get("/api/ventas", fecha="15/01/2024", pagina=999)
    assert beyond.json() == [] and "next" not in beyond.links


def test_retailer_3_writes_numbers_and_times_as_in_spain(third: RunningRetailer) -> None:
    for line in third.client.sold_on(DAY):
        for name in ("precio", "importe"):
            assert re.fullmatch(r"-?\d{1,3}(\.\d{3})*,\d\d", line[name]), line[name]
        for name in ("fecha_hora", "modificado"):
            assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d", line[name])
        assert line["importe"].startswith("-") == (line["tipo"] == "D") or line["tipo"] == "A"


@pytest.mark.parametrize("text", ["15/01/2024", "2024-01-15T00:00:00Z", "15/01/2024 25:00"])
def test_retailer_3_requires_local_times(third: RunningRetailer, text: str) -> None:
    response = third.client.get("/api/ventas", modificado_desde=text)
    assert (response.status_code, response.json()["codigo"]) == (400, "parametro_invalido")


def test_retailer_2_survives_its_own_restart_with_the_same_token(second: RunningRetailer, start: Start) -> None:
    token = second.client.get_token()
    again = start(2, second.dsn)
    response = Client2(again.url, token=token).get("/reports/daily", day="2024-01-15")
    assert response.status_code == 200
