"""Airflow's REST API over real HTTP: logging in, tokens that expire, and what each rejection says to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.airflow_rest.client import AirflowApi, AirflowError, AirflowForbidden, AirflowUnavailable, in_words
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun
from tests.fakes.http_vendor import HttpVendor, Reply, Request, http_vendor, reply

TOKEN = Reply(201, b'{"access_token": "t0ken"}')


def rejected(status: int, detail: object) -> Reply:
    return Reply(status, json.dumps({"detail": detail}).encode())


def answering(answer: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
    """Gives a token to whoever logs in, and `answer` to everything else."""
    return lambda request: TOKEN if request.path == "/auth/token" else answer(request)


def api(vendor: HttpVendor) -> AirflowApi:
    return AirflowApi(vendor.url, "admin", "s3cret")


def test_it_logs_in_once_and_sends_the_token() -> None:
    with http_vendor(answering(lambda _: reply({"dags": []}))) as vendor:
        airflow = api(vendor)
        assert airflow.call("GET", "/api/v2/dags") == airflow.call("GET", "/api/v2/dags") == {"dags": []}
    assert [each.path for each in vendor.requests] == ["/auth/token", "/api/v2/dags", "/api/v2/dags"]
    assert json.loads(vendor.requests[0].body) == {"username": "admin", "password": "s3cret"}
    assert vendor.requests[1].headers["Authorization"] == "Bearer t0ken"


def test_a_token_that_expired_while_something_long_was_watched_is_asked_for_again() -> None:
    replies = [TOKEN, rejected(401, "Token Expired"), TOKEN, reply({"state": "running"})]
    with http_vendor(replies) as vendor:
        assert api(vendor).call("GET", "/api/v2/dags/d") == {"state": "running"}


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, AirflowForbidden, "correct AIRFLOW_USERNAME and AIRFLOW_PASSWORD"),
        (403, AirflowForbidden, "set AIRFLOW_USERNAME and AIRFLOW_PASSWORD to a user who may operate DAGs"),
        (404, AirflowError, "in its own words"),
        (409, AirflowError, "in its own words"),
        (422, AirflowError, "in its own words"),
        (503, AirflowUnavailable, "make health-check"),
        (307, FixConfiguration, "correct AIRFLOW_URL"),
    ],
)
def test_a_rejection_is_of_the_kind_that_says_what_to_do(status: int, kind: type[RetailError], advice: str) -> None:
    with (
        http_vendor(answering(lambda _: rejected(status, "in its own words."))) as vendor,
        pytest.raises(kind, match=advice) as rejection,
    ):
        api(vendor).call("GET", "/api/v2/dags/d")
    assert f"Airflow answered {status} to GET /api/v2/dags/d: in its own words" in str(rejection.value)
    assert "s3cret" not in str(rejection.value)
    assert "t0ken" not in str(rejection.value)


def test_a_wrong_password_is_a_matter_of_settings() -> None:
    with (
        http_vendor([rejected(401, "Invalid credentials")]) as vendor,
        pytest.raises(AirflowForbidden, match=r"Invalid credentials\. admin is not let in") as rejection,
    ):
        api(vendor).call("GET", "/api/v2/dags")
    assert rejection.value.exit_code == 2


def test_what_is_no_airflow_is_a_matter_of_settings() -> None:
    with (
        http_vendor([Reply(200, b"<html>hello</html>", content_type="text/html")]) as vendor,
        pytest.raises(FixConfiguration, match=r"not as Airflow 3 does\. Correct AIRFLOW_URL"),
    ):
        api(vendor).call("GET", "/api/v2/dags")
    with pytest.raises(FixConfiguration, match="AIRFLOW_URL is 'localhost', which is no address"):
        AirflowApi("localhost", "admin", "s3cret").call("GET", "/api/v2/dags")


def test_nobody_there_is_tried_again_later_and_says_where_to_look() -> None:
    with http_vendor([TOKEN]) as vendor:
        pass
    with pytest.raises(RetryLater, match=r"does not answer \(no connection\). See what runs: make status, or docker"):
        api(vendor).call("GET", "/api/v2/dags")


def test_every_missing_setting_is_named_and_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(FixConfiguration, match="AIRFLOW_URL, AIRFLOW_PASSWORD missing"):
        AirflowApi.from_environment({"AIRFLOW_USERNAME": "admin"})
    secret = tmp_path / "password"
    secret.write_text("from the file\n", encoding="utf-8")
    environ = {"AIRFLOW_URL": "http://a/", "AIRFLOW_USERNAME": "u", "AIRFLOW_PASSWORD_FILE": str(secret)}
    assert AirflowApi.from_environment(environ) == AirflowApi("http://a", "u", "from the file")


def test_a_pool_that_is_there_already_is_well() -> None:
    with http_vendor(answering(lambda _: rejected(409, {"reason": "Unique constraint violation"}))) as vendor:
        api(vendor).ensure_pool()


def test_a_dag_file_that_cannot_be_read_is_told_at_once() -> None:
    broken = {"import_errors": [{"filename": "dag.py", "stack_trace": "SyntaxError: no"}]}

    def answer(request: Request) -> Reply:
        return reply(broken) if request.path.endswith("importErrors") else rejected(404, "not found")

    with (
        http_vendor(answering(answer)) as vendor,
        pytest.raises(StopRun, match=r"Airflow cannot read dag.py: SyntaxError: no"),
    ):
        api(vendor).wait_for_dag()


def test_airflows_words_fit_on_a_line() -> None:
    problems = [{"loc": ["body", "conf", "date"], "msg": "is not a 'date'"}, {"loc": ["body"], "msg": "too short"}]
    assert in_words(json.dumps({"detail": problems})) == "conf.date: is not a 'date'; too short"
    assert in_words(json.dumps({"detail": {"reason": "Unique\nconstraint."}})) == "Unique constraint"
    assert in_words("<html>gateway</html>") == "<html>gateway</html>"
    assert in_words("[1]") == "[1]"
