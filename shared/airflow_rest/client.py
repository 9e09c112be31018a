"""Airflow's REST API: login, requests, and errors that say what to do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from shared.config import read_environment
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun
from shared.urls import UNCLEAR, page_url, shown_url, shown_value

DAG_ID = "retail_data_pipeline"
POOL = "retail_pipeline"
POOL_SLOTS = 8
_TOKEN_PATH = "/auth/token"  # noqa: S105 - a path, not a secret
_LOGIN = "AIRFLOW_USERNAME and AIRFLOW_PASSWORD"
_HEALTH_PATH = "/api/v2/monitor/health"
_TIMEOUT = (10.0, 60.0)
_MAX_DETAIL = 300


class AirflowUnavailable(RetryLater):
    """Airflow cannot be reached, or cannot process requests at present (5xx, 429)."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """In a few words: `no connection`, `status 503`."""


class AirflowForbidden(FixConfiguration):
    """Airflow rejects the user's login (401), or does not permit the request (403)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class AirflowError(StopRun):
    """Airflow rejects the request: 404 unknown, 409 conflict, 422 or 400 not valid."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class AirflowApi:
    """Airflow's REST API; it logs in with the first request, and again when the token has expired."""

    url: str
    username: str
    password: str
    token: str = ""
    timeout: tuple[float, float] = _TIMEOUT
    """Seconds to connect, and to wait for data."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> AirflowApi:
        """The Airflow that AIRFLOW_URL names. Raises FixConfiguration that names every missing setting."""
        found = read_environment() if environ is None else read_environment(environ, dotenv=None)
        names = ("AIRFLOW_URL", "AIRFLOW_USERNAME", "AIRFLOW_PASSWORD")
        if missing := [name for name in names if not found.get(name)]:
            raise FixConfiguration(
                f"Configuration: {', '.join(missing)} missing. Correct this in the environment or in .env"
                " (python3 scripts/generate_env.py writes one; `make up` writes .local/env)."
            )
        return cls(found["AIRFLOW_URL"].rstrip("/"), found["AIRFLOW_USERNAME"], found["AIRFLOW_PASSWORD"])

    @property
    def page_url(self) -> str:
        """The address of the web interface for messages and links: `url` without a user and a password."""
        return page_url(self.url) or UNCLEAR

    def call(self, method: str, path: str, body: object | None = None) -> dict[str, Any]:
        """Send one request and return the JSON of its response.

        Raises AirflowUnavailable without a response, AirflowForbidden when the user lacks permission, and
        AirflowError with Airflow's own message when it rejects the request.
        """
        if not self.token:
            self.log_in()
        response = self._send(method, path, body)
        if response.status_code == 401:  # the token expired during a long wait
            self.log_in()
            response = self._send(method, path, body)
        return self._read(response, method, path)

    def health(self) -> dict[str, Any]:
        """The status of Airflow's components; needs no login. Raises AirflowUnavailable or FixConfiguration."""
        return self._read(self._send("GET", _HEALTH_PATH, None), "GET", _HEALTH_PATH)

    def ensure_pool(self) -> None:
        """Create the pool that the DAG's tasks run in."""
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
        """Return when Airflow knows the DAG.

        Raises StopRun when its file cannot be imported, RetryLater when the DAG does not appear in time.
        """
        deadline = monotonic() + seconds
        while not self._knows(dag_id):
            if errors := self.call("GET", "/api/v2/importErrors")["import_errors"]:
                raise StopRun(
                    f"Airflow cannot import {errors[0]['filename']}: {errors[0]['stack_trace'][-_MAX_DETAIL:]}"
                )
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

    def log_in(self) -> None:
        """Request a token. Raises AirflowForbidden for a wrong password."""
        self.token = ""
        response = self._send("POST", _TOKEN_PATH, {"username": self.username, "password": self.password})
        token = self._read(response, "POST", _TOKEN_PATH).get("access_token")
        if not token:
            raise FixConfiguration(
                f"{shown_url(self.url)} returned no token, so it is not an Airflow 3. Correct AIRFLOW_URL."
            )
        self.token = str(token)

    def _send(self, method: str, path: str, body: object | None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            return requests.request(
                method,
                self.url + path,
                json=body,
                headers=headers,
                auth=lambda request: request,  # otherwise those of ~/.netrc replace the token
                timeout=self.timeout,
                allow_redirects=False,
            )
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
            raise FixConfiguration(
                f"AIRFLOW_URL is {shown_value(self.url)!r}, which is not a URL. Set it to the form http://localhost:8080."
            ) from None
        except requests.RequestException as error:
            reason = "no response in time" if isinstance(error, requests.Timeout) else "no connection"
            raise AirflowUnavailable(
                f"Airflow at {shown_url(self.url)} does not respond ({reason}). Check its services: make status, or"
                " docker-compose ps; start it (make up, or docker-compose up -d), or correct AIRFLOW_URL.",
                reason,
            ) from error

    def _read(self, response: requests.Response, method: str, path: str) -> dict[str, Any]:
        if response.status_code >= 300:
            raise self._rejection(response, method, path)
        if not response.content:
            return {}
        try:
            content = response.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise FixConfiguration(
                f"{shown_url(self.url)}{path} responds, but not as Airflow 3 does. Correct AIRFLOW_URL."
            )
        return content

    def _rejection(self, response: requests.Response, method: str, path: str) -> RetailError:
        status = response.status_code
        message = f"Airflow returned {status} to {method} {path}: {format_detail(response.text)}"
        if status == 401:
            return AirflowForbidden(f"{message}. The login of {self.username} was rejected: correct {_LOGIN}.", status)
        if status == 403:
            return AirflowForbidden(
                f"{message}. {self.username} lacks permission: set {_LOGIN} to a user who may operate DAGs.", status
            )
        if status >= 500 or status == 429:
            return AirflowUnavailable(
                f"{message}. Try again; if the error persists, run: make health-check", f"status {status}"
            )
        if status < 400:
            return FixConfiguration(f"{message}. The URL redirects elsewhere: correct AIRFLOW_URL.")
        return AirflowError(message, status)


def format_detail(body: str) -> str:
    """The reason in Airflow's response to a rejected request, on one line."""
    try:
        detail = json.loads(body).get("detail", body)
    except (ValueError, AttributeError):
        detail = body
    if isinstance(detail, Mapping):
        detail = detail.get("reason") or detail.get("message") or detail
    if isinstance(detail, list):
        detail = "; ".join(_format_problem(each) for each in detail)
    return " ".join(str(detail).split())[:_MAX_DETAIL].rstrip(".")


def _format_problem(problem: object) -> str:
    """One of the reasons of a 422: the field, and what is wrong with it."""
    if not isinstance(problem, Mapping):
        return str(problem)
    where = ".".join(str(each) for each in problem.get("loc", ()) if each != "body")
    return f"{where}: {problem.get('msg')}" if where else str(problem.get("msg"))
