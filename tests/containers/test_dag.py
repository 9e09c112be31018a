"""The DAG in the containers, by Airflow's REST API, and who may do what there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from shared.airflow_rest.client import DAG_ID, AirflowApi, AirflowError, AirflowForbidden
from tests.containers.project import Project

DAY = date(2024, 3, 5)
TRIGGER = {"logical_date": None, "conf": {"date": DAY.isoformat()}}
VARIABLE = {"key": "colour", "value": "red"}
NEW_USER = {
    "username": "mallory",
    "password": "no-such-secret",
    "email": "mallory@localhost",
    "first_name": "M",
    "last_name": "M",
    "roles": [{"name": "Admin"}],
}


@pytest.mark.parametrize(
    ("role", "method", "path", "body", "rejected"),
    [
        ("OPERATOR", "PATCH", f"/api/v2/dags/{DAG_ID}", {"is_paused": False}, None),
        ("OPERATOR", "GET", "/auth/fab/v1/users", None, 403),
        ("OPERATOR", "POST", "/auth/fab/v1/users", NEW_USER, 403),
        ("ANALYST", "GET", f"/api/v2/dags/{DAG_ID}/dagRuns", None, None),
        ("ANALYST", "POST", f"/api/v2/dags/{DAG_ID}/dagRuns", TRIGGER, 403),
        ("ANALYST", "PATCH", f"/api/v2/dags/{DAG_ID}", {"is_paused": True}, 403),
        ("ANALYST", "POST", "/api/v2/variables", VARIABLE, 403),
        ("ANALYST", "POST", "/auth/fab/v1/users", NEW_USER, 403),
    ],
)
def test_everybody_may_do_in_airflow_what_their_role_is_for_and_no_more(
    platform: Project, role: str, method: str, path: str, body: object, rejected: int | None
) -> None:
    assert rejection_status(lambda: platform.airflow_as(role).call(method, path, body)) == rejected


def test_an_operator_runs_a_date_again_and_nothing_changes(platform: Project) -> None:
    running = platform.running
    with running.stopped_clocks():
        assert running.run(DAY).state == "success"  # which loads what the retailers have changed on other dates, too
        digest = running.digest()
        run = platform.airflow_as("OPERATOR").call("POST", f"/api/v2/dags/{DAG_ID}/dagRuns", TRIGGER)
        assert running.wait(run["dag_run_id"]).state == "success"
        assert running.digest() == digest


def test_nobody_gets_in_without_a_password_that_is_right(platform: Project) -> None:
    api = platform.airflow
    with pytest.raises(HTTPError) as rejection:
        urlopen(Request(f"{api.url}/api/v2/dags"), timeout=10)
    assert rejection.value.code == 401
    for password in ("admin", "airflow"):
        assert rejection_status(AirflowApi(api.url, api.username, password).ensure_pool) == 401


def rejection_status(call: Callable[[], object]) -> int | None:
    """The status of Airflow's rejection; None when it accepted the request."""
    try:
        call()
    except (AirflowForbidden, AirflowError) as error:
        return error.status
    return None
