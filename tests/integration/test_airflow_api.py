"""Airflow's REST API over real HTTP: login, expired tokens, and the advice in each error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.airflow_rest.client import AirflowApi, AirflowError, AirflowForbidden, AirflowUnavailable, format_detail
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun
from tests.fakes.http_vendor import HttpVendor, Reply, Request, http_vendor, reply

TOKEN = Reply(201, b'{"access_token": "t0ken"}')


def rejected(status: int, detail: object) -> Reply:
    return Reply(status, json.dumps({"detail": detail}).encode())


def after_login(respond: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
    """Returns a token to a login, and what `respond` returns to every other request."""
    return lambda request: TOKEN if request.path == "/auth/token" else respond(request)


def api(vendor: HttpVendor) -> AirflowApi:
    return AirflowApi(vendor.url, "admin", "s3cret")


def test_it_logs_in_once_and_sends_the_token() -> None:
    with http_vendor(after_login(lambda _: reply({"dags": []}))) as vendor:
        airflow = api(vendor)
        assert airflow.call("GET", "/api/v2/dags") == airflow.call("GET", "/api/v2/dags") == {"dags": []}
    assert [each.path for each in vendor.requests] == ["/auth/token", "/api/v2/dags", "/api/v2/dags"]
    assert json.loads(vendor.requests[0].body) == {"username": "admin", "password": "s3cret"}
    assert vendor.requests[1].headers["Authorization"] == "Bearer t0ken"


def test_an_expired_token_is_requested_again() -> None:
    replies = [TOKEN, rejected(401, "Token Expired"), TOKEN, reply({"state": "running"})]
    with http_vendor(replies) as vendor:
        assert api(vendor).call("GET", "/api/v2/dags/d") == {"state": "running"}


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, AirflowForbidden, "correct AIRFLOW_USERNAME and AIRFLOW_PASSWORD"),
        (403, AirflowForbidden, "set AIRFLOW_USERNAME and AIRFLOW_PASSWORD to a user who may operate DAGs"),
        (404, AirflowError, "the reason"),
        (409, AirflowError, "the reason"),
        (422, AirflowError, "the reason"),
        (503, AirflowUnavailable, "make health-check"),
        (307, FixConfiguration, "correct AIRFLOW_URL"),
    ],
)
def test_each_status_raises_the_error_that_says_what_to_do(status: int, kind: type[RetailError], advice: str) -> None:
    with (
        http_vendor(after_login(lambda _: rejected(status, "the reason."))) as vendor,
        pytest.raises(kind, match=advice) as rejection,
    ):
        api(vendor).call("GET", "/api/v2/dags/d")
    assert f"Airflow returned {status} to GET /api/v2/dags/d: the reason" in str(rejection.value)
    assert "s3cret" not in str(rejection.value)
    assert "t0ken" not in str(rejection.value)


def test_a_wrong_password_is_a_configuration_error() -> None:
    with (
        http_vendor([rejected(401, "Invalid credentials")]) as vendor,
        pytest.raises(AirflowForbidden, match=r"Invalid credentials\. The login of admin was rejected") as rejection,
    ):
        api(vendor).call("GET", "/api/v2/dags")
    assert rejection.value.exit_code == 2


def test_another_service_at_the_url_is_a_configuration_error() -> None:
    with (
        http_vendor([Reply(200, b"<html>hello</html>", content_type="text/html")]) as vendor,
        pytest.raises(FixConfiguration, match=r"responds, but not as Airflow 3 does\. Correct AIRFLOW_URL"),
    ):
        api(vendor).call("GET", "/api/v2/dags")
    with pytest.raises(FixConfiguration, match="AIRFLOW_URL is 'localhost', which is not a URL"):
        AirflowApi("localhost", "admin", "s3cret").call("GET", "/api/v2/dags")


def test_an_unreachable_airflow_can_be_retried_and_says_where_to_look() -> None:
    with http_vendor([TOKEN]) as vendor:
        pass
    with pytest.raises(RetryLater, match=r"does not respond \(no connection\). Check its services: make status"):
        api(vendor).call("GET", "/api/v2/dags")


def test_every_missing_setting_is_named_and_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(FixConfiguration, match="AIRFLOW_URL, AIRFLOW_PASSWORD missing"):
        AirflowApi.from_environment({"AIRFLOW_USERNAME": "admin"})
    secret = tmp_path / "password"
    secret.write_text("from the file\n", encoding="utf-8")
    environ = {"AIRFLOW_URL": "http://a/", "AIRFLOW_USERNAME": "u", "AIRFLOW_PASSWORD_FILE": str(secret)}
    assert AirflowApi.from_environment(environ) == AirflowApi("http://a", "u", "from the file")


def test_an_existing_pool_is_accepted() -> None:
    with http_vendor(after_login(lambda _: rejected(409, {"reason": "Unique constraint violation"}))) as vendor:
        api(vendor).ensure_pool()


def test_a_dag_file_that_cannot_be_imported_is_reported_immediately() -> None:
    broken = {"import_errors": [{"filename": "dag.py", "stack_trace": "SyntaxError: no"}]}

    def respond(request: Request) -> Reply:
        return reply(broken) if request.path.endswith("importErrors") else rejected(404, "not found")

    with (
        http_vendor(after_login(respond)) as vendor,
        pytest.raises(StopRun, match=r"Airflow cannot import dag.py: SyntaxError: no"),
    ):
        api(vendor).wait_for_dag()


def test_airflows_reason_fits_on_one_line() -> None:
    problems = [{"loc": ["body", "conf", "date"], "msg": "is not a 'date'"}, {"loc": ["body"], "msg": "too short"}]
    assert format_detail(json.dumps({"detail": problems})) == "conf.date: is not a 'date'; too short"
    assert format_detail(json.dumps({"detail": {"reason": "Unique\nconstraint."}})) == "Unique constraint"
    assert format_detail("<html>gateway</html>") == "<html>gateway</html>"
    assert format_detail("[1]") == "[1]"


def test_the_health_of_the_components_needs_no_login() -> None:
    with http_vendor([reply({"scheduler": {"status": "healthy"}}), reply([])]) as vendor:
        assert api(vendor).health() == {"scheduler": {"status": "healthy"}}
        with pytest.raises(FixConfiguration, match="not as Airflow 3 does"):
            api(vendor).health()
    assert [each.path for each in vendor.requests] == ["/api/v2/monitor/health"] * 2
    assert "Authorization" not in vendor.requests[0].headers
