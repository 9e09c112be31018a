"""Who sees the page, what it can do to the warehouse, and what it does when there is none."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from fastapi import HTTPException, Request
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route

from local_stack.databases import WarehouseAccess
from local_stack.postgres import free_port
from retail_quality.access import NotSignedIn
from retail_quality.app import create_app
from retail_quality.queries import LedgerReader
from shared.errors import FixConfiguration, RetryLater
from tests.integration.plugin.conftest import Page, Shown, browser

DAY = date(2024, 1, 15)
PAGES = ("/retail/", "/retail/?days=90", f"/retail/days/{DAY}", "/retail/alerts", "/retail/alerts/1")
AS_A_BROWSER = {"accept": "text/html,application/xhtml+xml"}


def everybody_is_kept_out(request: Request) -> None:
    """A guard for whom nobody is signed in."""
    raise NotSignedIn


def not_with_this_role(request: Request) -> None:
    """A guard for whom this account may not see Airflow's pages."""
    raise HTTPException(403, "Your account may not see Airflow's pages.")


def no_warehouse() -> str:
    """A way in that must not be taken."""
    raise AssertionError("the warehouse was read for a user who may not see it")


@pytest.mark.parametrize("path", PAGES)
def test_a_program_without_a_session_is_rejected_and_nothing_is_read(path: str) -> None:
    with browser(LedgerReader(no_warehouse), everybody_is_kept_out) as client:
        response = client.get(path)

    assert (response.status_code, response.text) == (401, "Log in to Airflow first.\n")


@pytest.mark.parametrize("path", PAGES)
def test_a_user_without_a_session_is_sent_to_the_login_which_sends_them_back(path: str) -> None:
    with browser(LedgerReader(no_warehouse), everybody_is_kept_out) as client:
        response = client.get(path, headers=AS_A_BROWSER)

    encoded = path.replace("/", "%2F").replace("?", "%3F").replace("=", "%3D")
    assert (response.status_code, response.headers["location"]) == (303, f"/api/v2/auth/login?next={encoded}")
    assert response.headers["cache-control"] == "no-store"


def test_an_account_without_the_right_gets_a_clear_message() -> None:
    with browser(LedgerReader(no_warehouse), not_with_this_role) as client:
        response = client.get("/retail/", headers=AS_A_BROWSER)

    assert response.status_code == 403
    assert "Your account may not see" in Page.read(response.text).text


def test_every_page_is_guarded_and_allows_get_only() -> None:
    app = create_app(everybody_is_kept_out, LedgerReader(no_warehouse))
    routes = [route for route in app.routes if isinstance(route, Route)]

    assert not any(isinstance(route, Mount) for route in app.routes)
    assert {method for route in routes for method in route.methods or ()} == {"GET"}
    assert len(routes) == len({"/", "/days/{day}", "/alerts", "/alerts/{number}", "/static/{name}"})
    with TestClient(app) as client:
        assert {client.post(path.removeprefix("/retail")).status_code for path in PAGES} == {405}


@pytest.mark.parametrize("path", [*PAGES, "/retail/static/style.css", "/retail/static/page.js", "/retail/nothing"])
def test_every_response_forbids_inline_scripts_and_frames_of_others(shown: Shown, path: str) -> None:
    headers = shown.client.get(path).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert policy["frame-ancestors"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    if "static" not in path:
        assert headers["cache-control"] == "no-store"


def test_what_others_wrote_is_shown_as_text(shown: Shown) -> None:
    attack = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"
    shown.days.publish(DAY, run_id=attack)
    shown.days.execute(
        "INSERT INTO ops.data_quality_results (run_id, business_date, retailer_id, check_name, dimension, severity,"
        " status, score, threshold, expected, actual, message, checked_at)"
        " VALUES (%(a)s, %(day)s, %(a)s, %(a)s, %(a)s, 'critical', 'fail', 1, 100, %(a)s, %(a)s, %(a)s, now())",
        {"a": attack, "day": DAY},
    )
    shown.days.execute(
        "INSERT INTO ops.data_quality_scores VALUES (%(a)s, %(day)s, 'overall', 50, 'fail', now()),"
        " (%(a)s, %(day)s, %(a)s, 50, 'fail', now())",
        {"a": attack, "day": DAY},
    )
    shown.days.execute(
        "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at, message)"
        " VALUES (%(a)s, 'ingest', %(day)s, 'failed', now(), %(a)s)",
        {"a": attack, "day": DAY},
    )
    ((number,),) = shown.days.execute(
        "INSERT INTO ops.alerts (fingerprint, kind, severity, summary, detail, business_date, retailer_id, dag_id,"
        " run_id, task_id, first_seen_at, last_seen_at, note) VALUES (%(a)s, %(a)s, 'error', %(a)s, %(a)s, %(day)s,"
        " %(a)s, %(a)s, %(a)s, %(a)s, now(), now(), %(a)s) RETURNING alert_id",
        {"a": attack, "day": DAY},
    )

    for path in ("/", f"/days/{DAY}", "/alerts", f"/alerts/{number}"):
        page = shown.get(path)
        assert attack in page.text
        assert page.tags.count("script") == 1, "the page's own"
        assert "img" not in page.tags
        assert [name for name in page.attributes if name.startswith("on") or name == "style"] == []
    rejected = shown.get("/days/%3Cscript%3Ealert(1)%3C%2Fscript%3E", 404)
    assert rejected.tags.count("script") == 1


def test_the_page_cannot_write_even_as_the_loader(warehouse: WarehouseAccess) -> None:
    reader = LedgerReader(lambda: warehouse.loader_dsn)

    with pytest.raises(RetryLater, match="read-only transaction"), reader._reading() as cursor:
        cursor.execute("DELETE FROM ops.alerts")


def test_a_query_that_never_ends_is_ended(warehouse: WarehouseAccess) -> None:
    with LedgerReader(lambda: warehouse.reader_dsn)._reading() as cursor:
        cursor.execute("SHOW statement_timeout")

        found: Any = cursor.fetchone()
        assert found["statement_timeout"] == "10s"


def test_an_unavailable_warehouse_is_named_with_what_to_do() -> None:
    nowhere = f"postgresql://retail_reader:hush@127.0.0.1:{free_port()}/retail_analytics"
    with browser(LedgerReader(lambda: nowhere)) as client:
        responses = [client.get(path) for path in PAGES]

    for response in responses:
        page = Page.read(response.text)
        assert (response.status_code, page.faults) == (503, [])
        assert "The warehouse cannot be read No PostgreSQL server responds at retail_reader@127.0.0.1" in page.text
        assert "Start it (`make up`" in page.text
        assert "Airflow itself is not affected." in page.text
        assert "hush" not in response.text


def test_a_schema_that_is_missing_is_named_with_what_to_do(database: str) -> None:
    with browser(LedgerReader(lambda: database)) as client:
        response = client.get("/retail/")

    assert response.status_code == 503
    assert "Run: python -m shared.migrations" in response.text


def test_a_setting_that_is_missing_is_named_and_read_again_with_the_next_request() -> None:
    problems = [FixConfiguration("WAREHOUSE_DSN is missing."), RetryLater("Not yet.")]

    def dsn() -> str:
        raise problems.pop(0)

    with browser(LedgerReader(dsn)) as client:
        assert "WAREHOUSE_DSN is missing." in client.get("/retail/").text
        assert "Not yet." in client.get("/retail/").text


def test_a_fault_of_the_page_itself_says_where_to_look() -> None:
    def broken() -> str:
        raise ZeroDivisionError("a secret detail")

    with browser(LedgerReader(broken)) as client:
        response = client.get("/retail/")

    assert response.status_code == 500
    assert "The log of Airflow's API server has the details" in Page.read(response.text).text
    assert "secret" not in response.text


def test_files_are_given_to_anybody_and_no_other_than_the_pages_own() -> None:
    with browser(LedgerReader(no_warehouse), everybody_is_kept_out) as client:
        style = client.get("/retail/static/style.css")
        icon = client.get("/retail/static/icon.svg")

        assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert icon.headers["content-type"] == "image/svg+xml"
        for name in ("queries.py", "..%2Fapp.py", "%2e%2e/app.py", ""):
            assert client.get(f"/retail/static/{name}").status_code == 404


def test_airflow_may_be_below_a_path_of_its_host() -> None:
    with browser(LedgerReader(no_warehouse), everybody_is_kept_out) as client:
        response = TestClient(client.app, root_path="/airflow", follow_redirects=False).get(
            "/airflow/retail/alerts", headers=AS_A_BROWSER
        )

    assert response.headers["location"] == "/airflow/api/v2/auth/login?next=%2Fairflow%2Fretail%2Falerts"
