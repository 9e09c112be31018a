"""No message shows a user, a password or a token that is in a URL, however the URL is written."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from cli.configuration import masked
from monitoring.alerts.links import airflow_address
from shared.airflow_rest.client import AirflowApi
from shared.config import S3Settings
from shared.database import connect, describe_dsn
from shared.errors import MOST_CHARACTERS, FixConfiguration, RetailError, StopRun, describe_error
from shared.s3_client import Bucket
from shared.urls import page_url, server_of, shown_url, shown_value, without_credentials

MOST_SECONDS = 20
"""Of the processor's time. A pattern that goes back to the beginning at every character takes hours."""
ROOT = Path(__file__).parents[3]
WITH_SECRETS = [
    "https://me:s3cret@api.example.com/v2",
    "https://s3cret@api.example.com",
    "https://me:s3cret@[::1]:9000",
    "https://me:s3/cret@api.example.com",
    "https://me:s3?cret@api.example.com",
    "https://me:s3#cret@api.example.com",
    "https://me:s3@cret@api.example.com",
    "https://me:%73%33cret@api.example.com/a@b",
    "https://api.example.com/v1?token=s3cret",
    "https://api.example.com/hooks/s3cret",
    "http://[s3cret",
    "s3cret",
    "me:s3cret@api.example.com:80",
]


@pytest.mark.parametrize("url", WITH_SECRETS)
def test_a_shown_url_has_a_server_and_nothing_else(url: str) -> None:
    for shown in (shown_url(url), server_of(url)):
        assert "cret" not in shown
        assert "s3" not in shown


def test_a_url_without_secrets_is_shown() -> None:
    assert shown_url("http://127.0.0.1:9000") == "http://127.0.0.1:9000"
    assert shown_url("https://b\u00fccher.example/") == "https://b\u00fccher.example"
    assert shown_url("https://api.example.com/v1") == "https://api.example.com/\u2026"
    assert shown_value("http://s3:8333/below") == "http://s3:8333/below"
    assert shown_value("nonsense") == "nonsense"
    assert shown_value("http://s3:8333#s3cret") == "http://s3:8333/\u2026"


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://u:p@h:6432/d?sslmode=require", "u@h:6432/d"),
        ("postgres://u@h/d", "u@h:5432/d"),
        ("postgresql:///d", "@localhost:5432/d"),
        ("postgresql://u:p@[::1]/d", "u@[::1]:5432/d"),
        ("postgresql://u:p:q@h1:1,h2:2/d", "u@h1:1,h2:2/d"),
        ("host=h user=u password=s3cret dbname=d", "u@h:5432/d"),
        ("postgresql://u:s3/cret@h/d", "its address"),
        ("postgresql://u:s3cret", "its address"),
        ("postgresql://u:p@h/d?password=s3@cret", "its address"),
        ("host=h password='s3cret", "its address"),
        ("", "its address"),
    ],
)
def test_a_dsn_is_shown_without_its_password(dsn: str, shown: str) -> None:
    assert describe_dsn(dsn) == shown


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:s3%cret@h/d",
        "postgresql://u:s3cret@h/d?nosuch=s3cret",
        "postgresql://u:s3/cret@h:1/d",
        "password = 's3cret",
        "s3cret",
    ],
)
def test_what_libpq_says_about_a_wrong_dsn_is_not_shown(dsn: str) -> None:
    with pytest.raises(RetailError) as raised:
        connect(dsn, application_name="test", timeout_seconds=2)
    assert "cret" not in str(raised.value)
    assert raised.value.__cause__ is None or "WAREHOUSE_DSN" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("401 for url: https://u:p@h/a?key=1&b=2", "401 for url: https://***@h/***"),
        (
            "Max retries exceeded with url: /services/T0/KEY?a=1 (Caused by X)",
            "Max retries exceeded with url: /*** (Caused by X)",
        ),
        ("404 for url: https://hooks.example/services/T0/KEY", "404 for url: https://hooks.example/***"),
        ("at https://h/a?key=1, 'http://h?b=2','http://i?c=3'", "at https://h/a?*** 'http://h?***','http://i?***'"),
        ("'https://user:pa ss@host/x' or me@host", "'https://***@host/x' or me@host"),
        ("postgresql://u:p\"q@host/db, 'http://u:p'q@h'", "postgresql://***@host/db, 'http://***@h'"),
        (r'{"dsn": "postgresql://u:p\"q@host/db"}', r'{"dsn": "postgresql://***@host/db"}'),
        ('{"url": "http://host:8080", "mail": "a@b"}', '{"url": "http://host:8080", "mail": "a@b"}'),
        ("http://[::1]:80 and http://host:80/x, write to a@b", "http://[::1]:80 and http://host:80/x, write to a@b"),
        ("two: http://u:p@h and ftp://v:q@i", "two: http://***@h and ftp://***@i"),
        ("'http://u:p/q@h'", "'http://***@h'"),
        ("host=h password='a b' user=u", "host=h password=*** user=u"),
        ("host=h password='a\\'b' sslpassword = c", "host=h password=*** sslpassword = ***"),
        ("postgresql://h/d?user=u&password=p", "postgresql://h/d?***"),
        ("{'password': 'abc', 'user': 'u'}", "{'password': ***, 'user': 'u'}"),
        (r'{"event": "{\"password\": \"abc\"}", "x": "y"}', r'{"event": "{\"password\": ***}", "x": "y"}'),
        ('password=abc"def host=h', "password=*** host=h"),
        (r'{"event": "password=abc\"def", "x": "y"}', '{"event": "password=***", "x": "y"}'),
        ("PGPASSWORD=abc", "PGPASSWORD=***"),
        ("the password: try another one", "the password: try another one"),
        ("nothing to hide: a@b.example, 2 = 2?", "nothing to hide: a@b.example, 2 = 2?"),
    ],
)
def test_credentials_are_masked_in_any_text(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@pytest.mark.parametrize(
    "piece",
    [
        *("a://", "a.", "a", "a://x@", "://a:", "://a:\\x", "://?", "with url: /", "@", "? "),
        *("password=", "password='\\", 'password":"\\'),
    ],
)
def test_a_text_of_a_megabyte_takes_time_in_proportion_to_its_length(piece: str) -> None:
    text = piece * (2**20 // len(piece))
    started = time.process_time()
    without_credentials(text)
    assert time.process_time() - started < MOST_SECONDS


def test_an_unexpected_error_is_described_without_the_urls_credentials() -> None:
    assert describe_error(ValueError("bad\n url http://u:s3cret@h")) == "ValueError: bad url http://***@h"
    assert describe_error(StopRun("as it is")) == "as it is"


@pytest.mark.parametrize("kind", [StopRun, ValueError])
def test_the_description_of_an_error_is_cut(kind: type[Exception]) -> None:
    described = describe_error(kind("x" * 1_000_000))
    assert len(described) == MOST_CHARACTERS
    assert described.endswith("x\u2026")


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://u:s3cret@airflow.example/base/?token=s3cret", "https://airflow.example/base"),
        ("http://airflow:8080", "http://airflow:8080"),
        ("https://u:s3/cret@airflow.example", None),
        ("airflow:8080", None),
        ("", None),
    ],
)
def test_a_link_to_airflow_has_a_path_but_no_user(url: str, page: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", url)
    monkeypatch.delenv("AIRFLOW_URL", raising=False)
    assert page_url(url) == airflow_address() == page
    assert AirflowApi(url, "user", "password").page_url == (page or "its address")


def test_no_command_shows_the_address_of_airflow_as_it_is_set() -> None:
    shown = re.compile(r"\{[^}]*\b(?:api|airflow)\.url\b|\.page\(.*\.url\b")
    modules = [
        path for folder in ("airflow", "cli", "local_stack", "scripts") for path in (ROOT / folder).rglob("*.py")
    ]
    assert modules
    assert [path for path in modules if shown.search(path.read_text(encoding="utf-8"))] == []


def test_config_check_shows_addresses_without_what_may_be_secret() -> None:
    assert masked("S3_ENDPOINT_URL", "http://127.0.0.1:9000") == "http://127.0.0.1:9000"
    for name in ("S3_ENDPOINT_URL", "PUSHGATEWAY_URL", "OPENLINEAGE_URL", "AIRFLOW_URL", "RETAILER1_API_URL"):
        assert masked(name, "https://u:s3cret@h:1/x?y=s3cret") == "https://h:1/\u2026"
        assert "s3cret" not in masked(name, "u:s3cret@h:9091")
    assert masked("WAREHOUSE_DSN", "postgresql://u:s3/cret@h/d") == "its address"


def test_messages_about_s3_and_airflow_do_not_show_the_urls_credentials() -> None:
    settings = S3Settings(endpoint_url="http://u:s3cret@127.0.0.1:1", bucket_raw="raw", bucket_processed="done")
    assert settings.place == "http://127.0.0.1:1"
    for url in ("http://u:s3cret@h:port", "http://[s3cret@h", "u:s3cret@h"):
        with pytest.raises(FixConfiguration, match="is not a URL") as raised:
            Bucket(settings.model_copy(update={"endpoint_url": url}), "raw")
        assert "s3cret" not in str(raised.value)
    for url in ("http://u:s3cret@127.0.0.1:1", "u:s3cret@h", "http://u:s3cret@[x"):
        with pytest.raises(RetailError) as said:
            AirflowApi(url, "user", "password").health()
        assert "s3cret" not in str(said.value)
