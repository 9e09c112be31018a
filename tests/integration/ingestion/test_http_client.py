"""The HTTP client against a misbehaving server over real sockets."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.http.client import Api, HttpClient, Limits, RequestRejected
from ingestion.connectors.http.throttle import RequestPolicy
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun
from tests.fakes.http_vendor import HttpVendor, Reply, dripping, http_vendor, reply

NOW = datetime(2024, 2, 1, 6, tzinfo=UTC)
GOOD = reply({"fine": True})
START = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def client(url: str, slept: list[float] | None = None, *, attempts: int = 4, **limits: Any) -> HttpClient:
    return HttpClient(
        Api("retailer_9", url, "RETAILER9_API_URL", "RETAILER9_API_KEY"),
        RequestPolicy(10_000, attempts, 0.5),
        Limits(**{"timeout_seconds": 5, "total_seconds": 20, "max_bytes": 1_000_000, **limits}),
        clock=lambda: NOW,
        sleep=(slept if slept is not None else []).append,
        jitter=lambda: 0.0,
    )


def failure(vendor: HttpVendor, **options: Any) -> RetailError:
    with pytest.raises(RetailError) as raised:
        client(vendor.url, **options).get("/sales")
    return raised.value


def test_waits_double_and_are_jittered() -> None:
    slept: list[float] = []
    with http_vendor([Reply(500), Reply(503), Reply(500), GOOD]) as vendor:
        assert client(vendor.url, slept).get("/sales").value == {"fine": True}
    assert slept == [0.25, 0.5, 1.0]


@pytest.mark.parametrize(
    ("retry_after", "waited"),
    [
        ("7", 7.0),
        (format_datetime(datetime(2024, 2, 1, 6, 0, 9, tzinfo=UTC), usegmt=True), 9.0),
        ("3600", 120.0),
        ("soon", 0.25),
        ("²", 0.25),
        ("9" * 5_000, 0.25),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 0.25),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.25),
    ],
)
def test_retry_after_is_honoured_up_to_a_cap(retry_after: str, waited: float) -> None:
    slept: list[float] = []
    with http_vendor([Reply(429, headers={"Retry-After": retry_after}), GOOD]) as vendor:
        client(vendor.url, slept).get("/sales")
    assert slept == [waited]


@pytest.mark.parametrize("headers", [{"Location": "http://["}, {"Location": "\xe9"}, {"Location": "ftp://x"}, {}])
def test_a_redirect_is_not_followed_wherever_it_leads(headers: dict[str, str]) -> None:
    with http_vendor([Reply(302, headers=headers)]) as vendor:
        error = failure(vendor)
    assert isinstance(error, FixConfiguration)
    assert "has no /sales (302). Correct RETAILER9_API_URL" in str(error)


@pytest.mark.parametrize("retry_after", ["²", "9" * 5000, "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"])
def test_a_wait_that_nobody_can_read_is_our_own_wait(retry_after: str) -> None:
    slept: list[float] = []
    with http_vendor([Reply(429, headers={"Retry-After": retry_after}), GOOD]) as vendor:
        client(vendor.url, slept).get("/sales")
    assert slept == [0.25]


@pytest.mark.parametrize(
    "bad",
    [
        Reply(body=b'{"rows": [1, 2'),
        Reply(body=b'{"rows": [1, 2', announced=500),
        Reply(body=b"<html>", content_type="text/html"),
        Reply(body=b"", announced=10),
        Reply(body=gzip.compress(b'{"a": 1}')[:-12], headers={"Content-Encoding": "gzip"}),
        Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["cut JSON", "short body", "web page", "no body", "cut gzip", "no gzip"],
)
def test_a_broken_response_is_requested_again(bad: Reply) -> None:
    with http_vendor([bad, bad, GOOD]) as vendor:
        assert client(vendor.url).get("/sales").value == {"fine": True}
    with http_vendor([bad]) as vendor:
        error = failure(vendor)
    assert isinstance(error, RetryLater)
    assert "retailer_9 at 127.0.0.1:" in str(error)
    assert len(vendor.requests) == 4


@pytest.mark.parametrize("send", [lambda http: http.get("/sales"), lambda http: http.post_form("/oauth/token", {})])
def test_credentials_of_the_users_netrc_are_not_sent(
    send: Callable[[HttpClient], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with http_vendor([GOOD]) as vendor:
        send(client(vendor.url))
    assert "Authorization" not in vendor.requests[0].headers


def test_gzip_is_unpacked() -> None:
    packed = Reply(body=gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})
    with http_vendor([packed]) as vendor:
        assert client(vendor.url).get("/sales").value == {"a": 1}


def test_connections_are_kept() -> None:
    with http_vendor([GOOD]) as vendor:
        ours = client(vendor.url)
        for _ in range(5):
            ours.get("/sales")
    assert vendor.connections == 1


def test_a_body_that_never_ends_fails_after_the_total_time() -> None:
    with http_vendor([Reply(body=b"x" * 1000, drip_seconds=0.05)]) as vendor:
        error = failure(vendor, attempts=1, total_seconds=0.4)
    assert isinstance(error, RetryLater)
    assert "took more than 0.4 s for one response" in str(error)


CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"
NO_END = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff"  # a gzip member that goes on with empty blocks


@pytest.mark.parametrize(
    ("sent", "repeated"),
    [
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED, b"0"),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
        (CHUNKED + b"2\r\n{}\r\n", b"1\r\n \r\n"),
        (START + b"Content-Encoding: gzip\r\n\r\n" + NO_END, b"\x00\x00\x00\xff\xff"),
        (START + b"\r\n{}", b" "),
        (START + b"Content-Length: 100000\r\n\r\n", b" "),
    ],
    ids=["header", "100 Continue", "chunk size", "trailer", "chunks", "empty gzip blocks", "until closed", "body"],
)
def test_whatever_is_sent_byte_by_byte_a_request_ends_after_the_total_time(sent: bytes, repeated: bytes) -> None:
    with dripping(sent, repeated) as url, pytest.raises(RetryLater, match=r"took more than 0.4 s for one response"):
        client(url, attempts=1, total_seconds=0.4).get("/sales")


def test_a_tls_handshake_that_never_ends_is_cut_too() -> None:
    record = b"\x16\x03\x03\x40\x00"  # the start of a handshake record of 16 KiB
    with (
        dripping(record, b"\x00", reads_request=False) as url,
        pytest.raises(RetryLater, match=r"took more than 0.4 s"),
    ):
        client(url.replace("http:", "https:"), attempts=1, total_seconds=0.4).get("/sales")


def test_a_request_after_one_that_was_cut_has_a_connection_and_a_time_of_its_own() -> None:
    with http_vendor([Reply(body=b"x" * 1000, drip_seconds=0.05), GOOD]) as vendor:
        assert client(vendor.url, attempts=2, total_seconds=0.4).get("/sales").value == {"fine": True}


def test_a_system_that_sends_nothing_fails_after_the_timeout() -> None:
    with http_vendor([Reply(pause_seconds=1.5)]) as vendor:
        error = failure(vendor, attempts=1, timeout_seconds=0.3)
    assert isinstance(error, RetryLater)
    assert "sent nothing for 0.3 s" in str(error)


def test_a_body_that_is_too_large_stops_the_run_and_a_long_text_does_not() -> None:
    with http_vendor([Reply(body=b'"' + b"x" * 900_000 + b'"')]) as vendor:
        assert len(client(vendor.url).get("/sales").value) == 900_000
        error = failure(vendor, max_bytes=800_000)
    assert isinstance(error, StopRun)
    assert "INGEST_MAX_RESPONSE_MB" in str(error)


@pytest.mark.parametrize(
    "body",
    [b"[" + b"{}," * 70_000 + b"{}]", b"[" + b'{"a":' * 500 * 200 + b"0", b"[" * 100_000],
    ids=["empty objects", "nested objects", "nested arrays"],
)
def test_a_body_whose_values_would_take_too_much_memory_is_stopped_before_it_is_parsed(body: bytes) -> None:
    with http_vendor([Reply(body=body)]) as vendor:
        error = failure(vendor, max_bytes=1_000_000)
    assert isinstance(error, StopRun)
    assert re.search("whose values would take .* bytes of memory, more than 2,000,000", str(error))


def test_a_body_of_many_values_is_read_if_there_is_room_for_them() -> None:
    with http_vendor([Reply(body=b"[" + b"{}," * 70_000 + b"{}]")]) as vendor:
        assert len(client(vendor.url, max_bytes=15_000_000).get("/sales").value) == 70_001


@pytest.mark.parametrize(
    "sent",
    [b"hello world\r\n", START + b"X-A: a\r\n" * 200 + b"\r\n{}", START + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n{}"],
    ids=["no status", "very many headers", "a very long header"],
)
def test_a_response_that_is_not_http_is_named_as_such(sent: bytes) -> None:
    with http_vendor([Reply(sent=sent)]) as vendor:
        error = failure(vendor, attempts=1)
    assert isinstance(error, RetryLater)
    assert "sent a response that is not HTTP" in str(error)


@pytest.mark.parametrize("length", [b"\xb2", b"9" * 5_000, b"-1", b""])
def test_a_length_of_other_characters_is_ignored(length: bytes) -> None:
    with http_vendor([Reply(sent=START + b"Content-Length: " + length + b"\r\n\r\n{}")]) as vendor:
        assert client(vendor.url).get("/sales").value == {}


def test_a_small_body_that_unpacks_to_a_huge_one_is_stopped_while_unpacking() -> None:
    bomb = Reply(body=gzip.compress(b"x" * 50_000_000), headers={"Content-Encoding": "gzip"})
    with http_vendor([bomb]) as vendor:
        assert isinstance(failure(vendor), StopRun)


@pytest.mark.parametrize("status", [401, 403])
def test_rejected_credentials_name_the_setting(status: int) -> None:
    with http_vendor([Reply(status)]) as vendor:
        error = failure(vendor)
    assert isinstance(error, FixConfiguration)
    assert f"retailer_9 rejected our credentials ({status})" in str(error)
    assert "RETAILER9_API_KEY" in str(error)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(("status", "kind"), [(404, FixConfiguration), (302, FixConfiguration), (400, RequestRejected)])
def test_a_rejected_request_is_not_repeated(status: int, kind: type[RetailError]) -> None:
    with http_vendor([Reply(status, headers={"Location": "http://elsewhere.invalid/"})]) as vendor:
        assert isinstance(failure(vendor), kind)
    assert len(vendor.requests) == 1


def test_an_unreachable_api_is_named_with_what_to_do() -> None:
    with pytest.raises(RetryLater) as raised:
        client("http://127.0.0.1:9").get("/sales")
    assert "retailer_9 at 127.0.0.1:9 cannot be reached" in str(raised.value)
    assert "RETAILER9_API_URL" in str(raised.value)


def test_no_message_shows_more_of_an_address_than_host_and_port() -> None:
    with http_vendor([Reply(404)]) as vendor:
        host = vendor.url.removeprefix("http://")
        said = []
        for url in (f"http://me:s3cret@{host}/k3y", "http://me:s3cret@127.0.0.1:9/k3y", "me:s3cret@nowhere/k3y"):
            with pytest.raises(RetailError) as raised:
                client(url).get("/sales")
            said.append(str(raised.value))
    assert f"retailer_9 at {host} has no /sales (404)" in said[0]
    assert "retailer_9 at 127.0.0.1:9 cannot be reached" in said[1]
    assert all("RETAILER9_API_URL" in each and "s3cret" not in each and "k3y" not in each for each in said)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://me:s3cret@api.example.com/v2", "api.example.com"),
        ("https://s3cret@api.example.com:8443", "api.example.com:8443"),
        ("http://[::1]:5001/v2", "[::1]:5001"),
        ("me:s3cret@nowhere", "its address"),
        ("http://[s3cret", "its address"),
    ],
)
def test_the_host_of_an_api_is_shown_without_user_and_password(url: str, host: str) -> None:
    assert Api("retailer_9", url, "", "").host == host


@pytest.mark.parametrize("url", ["nonsense", "ftp://files.invalid", "http://"])
def test_an_invalid_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(FixConfiguration, match="RETAILER9_API_URL"):
        client(url).get("/sales")


def test_a_system_that_keeps_failing_gets_no_more_requests() -> None:
    with http_vendor([Reply(500)]) as vendor:
        error = failure(vendor, attempts=50)
    assert len(vendor.requests) == 10
    assert "failed 10 times in a row; no request is sent for 30 s" in str(error)
    assert "responded with 500" in str(error)


def test_rate_limiting_does_not_open_the_circuit_breaker() -> None:
    with http_vendor([Reply(429)] * 15 + [GOOD]) as vendor:
        assert client(vendor.url, attempts=20).get("/sales").value == {"fine": True}


def test_the_rate_limit_is_kept() -> None:
    slept: list[float] = []
    with http_vendor([GOOD]) as vendor:
        slow = HttpClient(
            Api("retailer_9", vendor.url, "", ""),
            RequestPolicy(2, 1, 0),
            Limits(5, 5, 1000),
            sleep=lambda s: slept.append(s),
        )
        for _ in range(3):
            slow.get("/sales")
    assert slept, "three requests at two a second went out without a pause"
