"""Airflow, by its REST API: its parts and their heartbeats, the DAG, import errors, the last run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests

from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.findings import Finding, Health, in_words, reported
from scripts.pipeline_health.over_http import TIMEOUT, why

AREA = "Airflow"
DAG_ID = "retail_data_pipeline"
DAG_FILE = "retail_pipeline_dag.py"
HANGING_AFTER = timedelta(hours=4)
WAITING_AFTER = timedelta(minutes=10)
# As its API names them, as people do, and the service to look at. Nothing of ours needs the triggerer.
COMPONENTS = (
    ("metadatabase", "metadata database", "postgres"),
    ("scheduler", "scheduler", "airflow-scheduler"),
    ("dag_processor", "DAG processor", "airflow-dag-processor"),
)


def check_airflow(environ: Mapping[str, str], now: datetime, advice: Advice) -> list[Finding]:
    """Its API, what it says of its own parts, then the DAG and its last run."""
    url = environ.get("AIRFLOW_URL", "").rstrip("/")
    if not url:
        return [Finding(AREA, "API server", Health.UNKNOWN, "AIRFLOW_URL is missing", advice.settings())]
    found: list[Finding] = []
    with reported(AREA, "API server", found):
        parts = _parts(url, advice)
        if isinstance(parts, Finding):
            return [parts]
        found.append(Finding(AREA, "API server", Health.OK, f"{url} answers"))
        found += [_component(*each, parts, now, advice) for each in COMPONENTS]
        if _has_database(parts):  # without it nobody can log in
            with reported(AREA, DAG_ID, found):
                found += _pipeline(url, environ, now, advice)
    return found


def _parts(url: str, advice: Advice) -> Mapping[str, Any] | Finding:
    try:
        answer = requests.get(f"{url}/api/v2/monitor/health", timeout=TIMEOUT)
        parts = answer.json()
    except requests.JSONDecodeError:
        parts = None
    except requests.RequestException as error:
        remedy = f"{advice.start('airflow-webserver')}, or correct AIRFLOW_URL"
        return Finding(AREA, "API server", Health.DOWN, f"{url}: {why(error)}", remedy)
    if not answer.ok or not isinstance(parts, dict):
        reason = f"{url} answers {answer.status_code}: not the health of an Airflow"
        remedy = f"{advice.restart('airflow-webserver')}; or correct AIRFLOW_URL"
        return Finding(AREA, "API server", Health.DOWN, reason, remedy)
    return parts


def _component(key: str, name: str, service: str, parts: Mapping[str, Any], now: datetime, advice: Advice) -> Finding:
    part = parts.get(key) or {}
    heartbeat = part.get(f"latest_{key}_heartbeat")
    age = f", last heartbeat {in_words(_since(heartbeat, now).total_seconds())} ago" if heartbeat else ""
    status = part.get("status")
    if status == "healthy":
        return Finding(AREA, name, Health.OK, f"healthy{age}")
    if key == "metadatabase":
        return Finding(AREA, name, Health.DOWN, f"{status or 'no answer'}", advice.start(service))
    if not _has_database(parts):
        # Airflow calls them unhealthy then, but their heartbeats are in the database.
        return Finding(
            AREA, name, Health.UNKNOWN, "its heartbeat is in the metadata database", advice.start("postgres")
        )
    remedy = advice.restart(service)
    return Finding(AREA, name, Health.DOWN, f"{status or 'no heartbeat known'}{age}", remedy)


def _has_database(parts: Mapping[str, Any]) -> bool:
    return (parts.get("metadatabase") or {}).get("status") == "healthy"


@dataclass(frozen=True)
class _Api:
    """Airflow's REST API for a user who is logged in."""

    url: str
    headers: Mapping[str, str]

    def get(self, path: str, **parameters: str | int) -> requests.Response:
        return requests.get(f"{self.url}/api/v2/{path}", params=parameters, headers=dict(self.headers), timeout=TIMEOUT)

    def items(self, path: str, name: str, **parameters: str | int) -> list[dict[str, Any]]:
        """The list `name` of an answer; empty when it is rejected."""
        answer = self.get(path, **parameters)
        return list(answer.json().get(name) or ()) if answer.ok else []


def _pipeline(url: str, environ: Mapping[str, str], now: datetime, advice: Advice) -> list[Finding]:
    user, password = environ.get("AIRFLOW_USERNAME"), environ.get("AIRFLOW_PASSWORD")
    if not (user and password):
        reason = "AIRFLOW_USERNAME or AIRFLOW_PASSWORD is missing"
        return [Finding(AREA, "login", Health.UNKNOWN, reason, advice.settings())]
    try:
        login = requests.post(f"{url}/auth/token", json={"username": user, "password": password}, timeout=TIMEOUT)
        if not login.ok:
            return [_rejected(user, login.status_code, advice)]
        api = _Api(url, {"Authorization": f"Bearer {login.json()['access_token']}"})
        return [*_import_errors(api), *_dag(api, advice), *_last_run(api, now)]
    except requests.RequestException as error:
        reason = f"the API broke off: {why(error)}"
        return [Finding(AREA, DAG_ID, Health.DOWN, reason, advice.restart("airflow-webserver"))]


def _rejected(user: str, status: int, advice: Advice) -> Finding:
    if status >= 500:
        return Finding(AREA, "login", Health.DOWN, f"answers {status}", advice.restart("airflow-webserver"))
    remedy = "Correct AIRFLOW_USERNAME and AIRFLOW_PASSWORD"
    return Finding(AREA, "login", Health.DOWN, f"{user} is rejected ({status})", remedy)


def _import_errors(api: _Api) -> Iterator[Finding]:
    for error in api.items("importErrors", "import_errors", limit=10):
        lines = str(error.get("stack_trace") or "no reason given").strip().splitlines()
        file = str(error.get("filename"))
        # Another DAG's error is no harm to ours.
        health = Health.DOWN if file.endswith(DAG_FILE) else Health.ATTENTION
        reason = f"{file} cannot be imported: {lines[-1].strip()[:200]}"
        yield Finding(AREA, "import errors", health, reason, "Mend the file; Airflow reads it again by itself")


def _dag(api: _Api, advice: Advice) -> Iterator[Finding]:
    answer = api.get(f"dags/{DAG_ID}")
    if not answer.ok:
        remedy = f"Wait a minute after a start; then: {advice.log('airflow-dag-processor')}"
        yield Finding(AREA, DAG_ID, Health.DOWN, f"Airflow does not know it ({answer.status_code})", remedy)
        return
    dag = answer.json()
    if dag.get("is_stale"):
        remedy = advice.restart("airflow-dag-processor")
        yield Finding(AREA, DAG_ID, Health.DOWN, "its file was not read for a while", remedy)
    elif dag.get("is_paused"):
        remedy = f"Switch it on when it is to run every night: {api.url}/dags/{DAG_ID}"
        yield Finding(AREA, DAG_ID, Health.ATTENTION, "is there, but paused", remedy)
    else:
        following = str(dag.get("next_dagrun_run_after") or "")[:16].replace("T", " ")
        yield Finding(AREA, DAG_ID, Health.OK, f"scheduled, next run {following} UTC" if following else "scheduled")


def _last_run(api: _Api, now: datetime) -> Iterator[Finding]:
    item = "last DAG run"
    for run in api.items(f"dags/{DAG_ID}/dagRuns", "dag_runs", order_by="-run_after", limit=1):
        state, run_id = str(run.get("state")), str(run.get("dag_run_id"))
        page = f"{api.url}/dags/{DAG_ID}/runs/{quote(run_id)}"
        reason = f"{state}: {run_id}"
        began = run.get("start_date") or run.get("queued_at") or run.get("run_after")
        age = _since(began, now) if began else timedelta()
        if state == "failed":
            reason += f"; {_failed_tasks(api, run_id)}"
            remedy = f"Its log says why: {page}; mend that, then Clear the task"
            yield Finding(AREA, item, Health.ATTENTION, reason, remedy)
        elif (state == "running" and age > HANGING_AFTER) or (state == "queued" and age > WAITING_AFTER):
            reason += f", for {in_words(age.total_seconds())}"
            yield Finding(AREA, item, Health.ATTENTION, reason, f"See what it waits for: {page}")
        else:
            yield Finding(AREA, item, Health.OK, reason)


def _failed_tasks(api: _Api, run_id: str) -> str:
    path = f"dags/{DAG_ID}/dagRuns/{quote(run_id, safe='')}/taskInstances"
    tasks = api.items(path, "task_instances", state="failed", limit=20)
    names = [f"{task.get('task_id')}{_instance(task)}" for task in tasks]
    return f"failed: {', '.join(names)}" if names else "which task failed is not known"


def _instance(task: Mapping[str, Any]) -> str:
    if task.get("map_index", -1) < 0:
        return ""
    return f" [{task.get('rendered_map_index') or task['map_index']}]"


def _since(moment: str, now: datetime) -> timedelta:
    return now - datetime.fromisoformat(moment)
