"""A receiver of lineage events that responds without end, or sends the client elsewhere, over real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import requests
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.transport.http import HttpConfig, HttpTransport

from monitoring.lineage import sender
from monitoring.lineage.bounded_http import bound
from tests.fakes.http_vendor import Reply, dripping, http_vendor

EVENT = RunEvent(
    eventTime=datetime(2024, 1, 16, tzinfo=UTC).isoformat(),
    producer="test",
    eventType=RunState.START,
    run=Run(str(UUID(int=7))),
    job=Job("test", "ingest"),
)
ENDLESS = Reply(sent=b"HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\n\r\n", repeated=b"x" * 65_536)


@pytest.fixture(autouse=True)
def no_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "CONFIG", "ENDPOINT", "API_KEY", "_TRANSPORT", "_TRANSPORT__TYPE"):
        monkeypatch.delenv(f"OPENLINEAGE_{name}", raising=False)


def in_time(send: Callable[[], Any]) -> Exception | None:
    """What it raises, or None. Fails the test when it goes on."""
    raised: list[Exception | None] = []

    def call() -> None:
        try:
            send()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)
        else:
            raised.append(None)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(20)
    assert raised, "it still sends or reads"
    return raised[0]


@pytest.mark.parametrize("kind", ["url", "http", "composite", "transform"])
def test_a_body_that_never_ends_is_not_read_whatever_names_the_receiver(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with http_vendor([ENDLESS]) as receiver:
        http = {"type": "http", "url": receiver.url}
        job_name = "openlineage.client.transport.transform.JobNamespaceReplaceTransformer"
        transports = {
            "http": http,
            "composite": {"type": "composite", "transports": {"one": http}, "continue_on_failure": False},
            "transform": {"type": "transform", "transport": http, "transformer_class": job_name,
                          "transformer_properties": {"new_job_namespace": "other"}},
        }  # fmt: skip
        if kind == "url":
            monkeypatch.setenv("OPENLINEAGE_URL", receiver.url)
        else:
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(transports[kind]))
        assert in_time(lambda: sender._client().emit(EVENT)) is None
    (sent,) = receiver.requests
    assert (sent.method, sent.path, json.loads(sent.body)["job"]["name"]) == ("POST", "/api/v1/lineage", "ingest")


def transport(url: str, **options: Any) -> HttpTransport:
    made = HttpTransport(HttpConfig(url=url, timeout=0.2, **options))
    bound(made)
    return made


@pytest.mark.parametrize("sent", [b"HTTP/1.1 201 Created\r\nX: ", b"HTTP/1.1 100 Continue\r\n\r\n", b""])
def test_a_response_that_is_sent_byte_by_byte_ends_at_the_deadline(sent: bytes) -> None:
    with dripping(sent, sent[-27:] or b"H") as url:
        error = in_time(lambda: transport(url, retry={"total": 0}).emit(EVENT))
    assert isinstance(error, requests.Timeout), error


def test_attempts_that_the_client_repeats_end_together_at_the_deadline() -> None:
    began = time.monotonic()
    retry = {"total": 3, "read": 3, "connect": 3, "backoff_factor": 0, "allowed_methods": ["POST"]}
    with dripping(b"HTTP/1.1 201 Created\r\nX: ", b"y") as url:
        error = in_time(lambda: transport(url, retry=retry).emit(EVENT))
    assert isinstance(error, requests.Timeout)
    assert "no response within 0.8 s" in str(error)
    assert time.monotonic() - began < 20


def test_a_receiver_that_is_busy_at_first_still_gets_the_event() -> None:
    retry = {"total": 2, "backoff_factor": 0, "status_forcelist": [503], "allowed_methods": ["POST"]}
    with http_vendor([Reply(503), Reply(201)]) as receiver:
        made = HttpTransport(HttpConfig(url=receiver.url, retry=retry))
        bound(made)
        assert in_time(lambda: made.emit(EVENT)) is None
    assert len(receiver.requests) == 2


def test_a_key_is_sent_and_a_redirect_is_an_error_and_not_a_lost_event(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_vendor([Reply(201), Reply(308, headers={"Location": "http://127.0.0.1:1/"})]) as receiver:
        monkeypatch.setenv("OPENLINEAGE_URL", receiver.url)
        monkeypatch.setenv("OPENLINEAGE_API_KEY", "k3y")
        client = sender._client()
        assert in_time(lambda: client.emit(EVENT)) is None
        error = in_time(lambda: client.emit(EVENT))
    assert [each.headers["Authorization"] for each in receiver.requests] == ["Bearer k3y"] * 2
    assert "the receiver redirects (308)" in str(error)


def test_a_rejection_is_an_error() -> None:
    with http_vendor([Reply(422)]) as receiver:
        error = in_time(lambda: transport(receiver.url, retry={"total": 0}).emit(EVENT))
    assert "422" in str(error)
