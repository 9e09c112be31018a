"""Airflow's REST API: logging in, asking, and what a rejection means for the person who asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from shared.config import read_environment
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun

DAG_ID = "retail_data_pipeline"
POOL = "retail_pipeline"
POOL_SLOTS = 8
_TOKEN_PATH = "/auth/token"  # noqa: S105 - where a token is asked for
_LOGIN = "AIRFLOW_USERNAME and AIRFLOW_PASSWORD"
_TIMEOUT = (10.0, 60.0)
_WORDS = 300


class AirflowUnavailable(RetryLater):
    """Airflow cannot be reached, or has no answer at the moment (5xx)."""


class AirflowForbidden(FixConfiguration):
    """Airflow does not let this user in (401), or not do this (403)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class AirflowError(StopRun):
    """Airflow understood and will not do it: 404 unknown, 409 in the way, 422 or 400 not valid."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class AirflowApi:
    """Airflow's REST API with a token."""

    url: str
    username: str
    password: str
    token: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> AirflowApi:
        """The Airflow that AIRFLOW_URL names. Raises FixConfiguration that names every missing setting."""
        found = read_environment() if environ is None else read_environment(environ, dotenv=None)
        names = ("AIRFLOW_URL", "AIRFLOW_USERNAME", "AIRFLOW_PASSWORD")
        if missing := [name for name in names if not found.get(name)]:
            raise FixConfiguration(
                f"Configuration: {', '.join(missing)} missing. Set them in the environment or in .env"
                " (python3 scripts/generate_env.py writes one; `make up` writes .local/env)."
            )
        return cls(found["AIRFLOW_URL"].rstrip("/"), found["AIRFLOW_USERNAME"], found["AIRFLOW_PASSWORD"])

    def call(self, method: str, path: str, body: object | None = None) -> dict[str, Any]:
        """One request and its JSON.

        Raises AirflowUnavailable when there is no answer, AirflowForbidden when this user may not, AirflowError with
        Airflow's own words when it will not.
        """
        if not self.token:
            self._log_in()
        answer = self._send(method, path, body)
        if answer.status_code == 401:  # the token has expired while we waited for something long
            self._log_in()
            answer = self._send(method, path, body)
        return self._read(answer, method, path)

    def ensure_pool(self) -> None:
        """Make the pool that the DAG's tasks run in."""
        pool = {
            "name": POOL,
            "slots": POOL_SLOTS,
            "description": "Tasks of the retail pipeline",
            "include_deferred": False,
        }
        try:
            self.call("POST", "/api/v2/pools", pool)
        except AirflowError as error:
            if error.status != 409:
                raise

    def wait_for_dag(
        self,
        seconds: float = 60.0,
        dag_id: str = DAG_ID,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Return when the DAG is known; StopRun when its file cannot be read, RetryLater when it stays away."""
        deadline = monotonic() + seconds
        while not self._knows(dag_id):
            if errors := self.call("GET", "/api/v2/importErrors")["import_errors"]:
                raise StopRun(f"Airflow cannot read {errors[0]['filename']}: {errors[0]['stack_trace'][-_WORDS:]}")
            if monotonic() > deadline:
                raise RetryLater(f"Airflow did not find the DAG {dag_id} within {seconds:.0f} s. Run: make status")
            sleep(0.3)

    def _knows(self, dag_id: str) -> bool:
        try:
            self.call("GET", f"/api/v2/dags/{dag_id}")
        except AirflowError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _log_in(self) -> None:
        self.token = ""
        answer = self._send("POST", _TOKEN_PATH, {"username": self.username, "password": self.password})
        token = self._read(answer, "POST", _TOKEN_PATH).get("access_token")
        if not token:
            raise FixConfiguration(f"{self.url} gives no token: it is no Airflow 3. Correct AIRFLOW_URL.")
        self.token = str(token)

    def _send(self, method: str, path: str, body: object | None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            return requests.request(
                method, self.url + path, json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            )
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
            raise FixConfiguration(
                f"AIRFLOW_URL is {self.url!r}, which is no address. Give it as http://localhost:8080."
            ) from None
        except requests.RequestException as error:
            reason = "no answer in time" if isinstance(error, requests.Timeout) else "no connection"
            raise AirflowUnavailable(
                f"Airflow at {self.url} does not answer ({reason}). See what runs: make status, or docker-compose ps;"
                " start it (make up, or docker-compose up -d), or correct AIRFLOW_URL."
            ) from error

    def _read(self, answer: requests.Response, method: str, path: str) -> dict[str, Any]:
        if answer.status_code >= 300:
            raise self._rejection(answer, method, path)
        if not answer.content:
            return {}
        try:
            return dict(answer.json())
        except (ValueError, TypeError):
            raise FixConfiguration(
                f"{self.url}{path} answers, but not as Airflow 3 does. Correct AIRFLOW_URL."
            ) from None

    def _rejection(self, answer: requests.Response, method: str, path: str) -> RetailError:
        status = answer.status_code
        said = f"Airflow answered {status} to {method} {path}: {in_words(answer.text)}"
        if status == 401:
            return AirflowForbidden(f"{said}. {self.username} is not let in: correct {_LOGIN}.", status)
        if status == 403:
            return AirflowForbidden(
                f"{said}. {self.username} may not do this: set {_LOGIN} to a user who may operate DAGs.", status
            )
        if status >= 500 or status == 429:
            return AirflowUnavailable(f"{said}. Try again; if it stays: make health-check")
        if status < 400:
            return FixConfiguration(f"{said}. It leads elsewhere: correct AIRFLOW_URL.")
        return AirflowError(said, status)


def in_words(body: str) -> str:
    """What Airflow says of a request it rejected, on one line."""
    try:
        detail = json.loads(body).get("detail", body)
    except (ValueError, AttributeError):
        detail = body
    if isinstance(detail, Mapping):
        detail = detail.get("reason") or detail.get("message") or detail
    if isinstance(detail, list):
        detail = "; ".join(_field(each) for each in detail)
    return " ".join(str(detail).split())[:_WORDS].rstrip(".")


def _field(problem: object) -> str:
    """One of the reasons of a 422: which field, and what is wrong with it."""
    if not isinstance(problem, Mapping):
        return str(problem)
    where = ".".join(str(each) for each in problem.get("loc", ()) if each != "body")
    return f"{where}: {problem.get('msg')}" if where else str(problem.get("msg"))
