"""A server can write anything into a header, and nothing that it or a user wrote changes the headers of a request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ingestion.connectors.authentication import ClientCredentials
from ingestion.connectors.http.client import Api, HeaderKey, HttpClient, JsonResponse, Limits
from ingestion.connectors.http.headers import http_date, natural_number, retry_after_seconds, unsendable_header
from ingestion.connectors.http.throttle import RequestPolicy
from ingestion.connectors.protocol import source_time
from ingestion.services.retailer3_service import _path_and_query
from shared.errors import FixConfiguration, StopRun

NOW = datetime(2024, 2, 1, 6, tzinfo=UTC)
ODD = (
    *("", " ", "²", "٣", "１２", "1e9", "-5", "+5", "0x10", "1_000", "7, 7", "9" * 5000, "nan", "inf", "\x00", "soon"),
    *("Fri, 31 Dec 9999 23:59:59 -1200", "Mon, 01 Jan 0001 00:00:00 +1200", "Mon, 01 Jan 99999 00:00:00 GMT"),
    *("Mon, 32 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 +99999999999999999999", ",", "() ()", "1" * 30),
)


@pytest.mark.parametrize("value", ODD)
def test_an_odd_header_has_neither_a_number_nor_an_error(value: str) -> None:
    assert natural_number(value) is None
    seconds, found = retry_after_seconds(value, NOW), http_date(value)
    assert seconds is None or seconds >= 0
    assert found is None or found.tzinfo is UTC
    assert source_time(JsonResponse({}, {"Date": value}, NOW)) <= NOW


def test_a_number_of_seconds_and_a_time_are_read() -> None:
    assert retry_after_seconds(" 7\t", NOW) == 7.0
    assert retry_after_seconds("Thu, 01 Feb 2024 06:00:09 GMT", NOW) == 9.0
    assert retry_after_seconds("Thu, 01 Feb 2024 05:00:00 GMT", NOW) == 0.0
    assert source_time(JsonResponse({}, {"Date": "Thu, 01 Feb 2024 05:59:00 GMT"}, NOW)) == NOW - timedelta(minutes=1)


class Tokens:
    """An OAuth server that sends this."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def post_form(self, path: str, form: object) -> JsonResponse:
        return JsonResponse(self.value, {}, NOW)


def credentials(token: str, expires_in: int = 3600) -> ClientCredentials:
    client: Any = Tokens({"access_token": token, "expires_in": expires_in})
    auth = {"client_id": "a", "client_secret": "b", "send_as": "form"}
    return ClientCredentials("shop", client, "/oauth/token", auth, lambda: 0.0)


@pytest.mark.parametrize(
    "token", ["", "a\r\nX-Role: admin", "a\nb", "a b", "t\u00f6ken", "\u2713", "a\x00", "x" * 9000]
)
def test_a_token_that_no_header_can_have_is_rejected_without_being_sent_or_shown(token: str) -> None:
    with pytest.raises(StopRun, match="shop sent an access token that no header can have") as raised:
        credentials(token).renew()
    assert not token or token not in str(raised.value)


@pytest.mark.parametrize("expires_in", [10**400, -(10**400), -5, 0, 60])
def test_any_lifetime_of_a_token_is_taken(expires_in: int) -> None:
    request: Any = SimpleNamespace(headers={})
    assert credentials("abc.DEF-123~+/=", expires_in)(request).headers == {"Authorization": "Bearer abc.DEF-123~+/="}


@pytest.mark.parametrize(
    ("name", "key"), [("X-Key", "a\r\nX-Role: admin"), ("X-Key", "\u2713"), ("X Key", "a"), ("X-Key\n", "a"), ("", "a")]
)
def test_a_key_that_no_header_can_have_is_a_mistake_in_the_configuration(name: str, key: str) -> None:
    api = Api("shop", "http://127.0.0.1:9", "SHOP_URL", "SHOP_KEY")
    client = HttpClient(api, RequestPolicy(1000, 1, 0), Limits(1, 2, 1000), authorization=HeaderKey(name, key))
    with pytest.raises(FixConfiguration, match=r"no header can have\. Correct SHOP_KEY in \.env") as raised:
        client.get("/sales")
    assert key == "a" or key not in str(raised.value)


@pytest.mark.parametrize("key", ["caf\u00e9", "a\x80b", "a\tb", "a b"])
def test_every_character_that_a_header_may_have_can_be_in_a_key(key: str) -> None:
    assert unsendable_header({"X-Key": key}) is None
    assert unsendable_header({"X-Key": key.encode("latin-1")}) is None


def test_a_link_that_is_not_a_url_leads_nowhere() -> None:
    assert _path_and_query("http://[/api?x=1") == ("", {})
    assert _path_and_query("https://x/api/ventas?pagina=2") == ("/api/ventas", {"pagina": "2"})
