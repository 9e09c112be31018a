"""What is reached by HTTP: the retailers' APIs and Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests

from scripts.pipeline_health.configuration import REMEDY
from scripts.pipeline_health.findings import Finding, Health, reported

RETAILERS = "retailer APIs"
AIRFLOW = "Airflow"
DAG_ID = "retail_data_pipeline"
TIMEOUT = (3.0, 5.0)
START = "Start it: make up"
COMPONENTS = {"metadatabase": "metadata database", "scheduler": "scheduler", "dag_processor": "DAG processor"}


def check_retailers(environ: Mapping[str, str]) -> list[Finding]:
    """GET /health of each retailer."""
    found: list[Finding] = []
    for number in (1, 2, 3):
        item, name = f"retailer_{number}", f"RETAILER{number}_API_URL"
        url = environ.get(name)
        if not url:
            found.append(Finding(RETAILERS, item, Health.UNKNOWN, f"{name} is missing", REMEDY))
            continue
        with reported(RETAILERS, item, found):
            found.append(_retailer(item, name, url.rstrip("/")))
    return found


def _retailer(item: str, name: str, url: str) -> Finding:
    try:
        answer = requests.get(f"{url}/health", timeout=TIMEOUT)
    except requests.RequestException as error:
        return Finding(RETAILERS, item, Health.DOWN, f"{url}: {_why(error)}", f"{START}, or correct {name}")
    if answer.ok:
        return Finding(RETAILERS, item, Health.OK, f"{url} answers")
    reason = f"{url} answers {answer.status_code}"
    return Finding(RETAILERS, item, Health.DOWN, reason, f"See its log (.local/logs/{item.replace('_', '')}.log)")


def check_airflow(environ: Mapping[str, str], now: datetime) -> list[Finding]:
    """Its API, what it says of its own parts, and the pipeline's last run."""
    url = environ.get("AIRFLOW_URL", "").rstrip("/")
    if not url:
        return [Finding(AIRFLOW, "API server", Health.UNKNOWN, "AIRFLOW_URL is missing", REMEDY)]
    found: list[Finding] = []
    with reported(AIRFLOW, "API server", found):
        try:
            answer = requests.get(f"{url}/api/v2/monitor/health", timeout=TIMEOUT)
            parts = answer.json()
        except requests.RequestException as error:
            remedy = f"{START}, or correct AIRFLOW_URL"
            return [Finding(AIRFLOW, "API server", Health.DOWN, f"{url}: {_why(error)}", remedy)]
        if not answer.ok or not isinstance(parts, dict):
            reason = f"{url} answers {answer.status_code}: not the health of an Airflow"
            return [Finding(AIRFLOW, "API server", Health.DOWN, reason, "Correct AIRFLOW_URL")]
        found.append(Finding(AIRFLOW, "API server", Health.OK, f"{url} answers"))
        found += [_component(name, parts.get(key) or {}, key, now) for key, name in COMPONENTS.items()]
        found += _pipeline(url, environ)
    return found


def _component(name: str, part: Mapping[str, Any], key: str, now: datetime) -> Finding:
    heartbeat = part.get(f"latest_{key}_heartbeat")
    age = f", last heartbeat {_age(heartbeat, now)} ago" if heartbeat else ""
    if part.get("status") == "healthy":
        return Finding(AIRFLOW, name, Health.OK, f"healthy{age}")
    return Finding(AIRFLOW, name, Health.DOWN, f"{part.get('status') or 'never seen'}{age}", START)


def _pipeline(url: str, environ: Mapping[str, str]) -> list[Finding]:
    user, password = environ.get("AIRFLOW_USERNAME"), environ.get("AIRFLOW_PASSWORD")
    if not (user and password):
        reason = "AIRFLOW_USERNAME or AIRFLOW_PASSWORD is missing"
        return [Finding(AIRFLOW, "login", Health.UNKNOWN, reason, REMEDY)]
    login = requests.post(f"{url}/auth/token", json={"username": user, "password": password}, timeout=TIMEOUT)
    if not login.ok:
        reason = f"{user} is refused ({login.status_code})"
        return [Finding(AIRFLOW, "login", Health.DOWN, reason, "Correct AIRFLOW_USERNAME and AIRFLOW_PASSWORD")]
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    dag = requests.get(f"{url}/api/v2/dags/{DAG_ID}", headers=headers, timeout=TIMEOUT)
    if not dag.ok:
        remedy = "Wait a minute after a start; then see import errors in Airflow's UI"
        return [Finding(AIRFLOW, DAG_ID, Health.DOWN, f"Airflow does not know it ({dag.status_code})", remedy)]
    found = [Finding(AIRFLOW, DAG_ID, Health.OK, "scheduled")]
    if dag.json().get("is_paused"):
        remedy = "Switch it on in Airflow's UI when it is to run every night"
        found = [Finding(AIRFLOW, DAG_ID, Health.ATTENTION, "paused", remedy)]
    latest = f"{url}/api/v2/dags/{DAG_ID}/dagRuns?order_by=-run_after&limit=1"
    runs = requests.get(latest, headers=headers, timeout=TIMEOUT)
    return [*found, *(_dag_run(run) for run in runs.json().get("dag_runs", ()))]


def _dag_run(run: Mapping[str, Any]) -> Finding:
    state = str(run.get("state"))
    reason = f"{state}: {run.get('dag_run_id')}"
    if state == "failed":
        return Finding(
            AIRFLOW, "last DAG run", Health.ATTENTION, reason, "Open the run in Airflow; a red task says why"
        )
    return Finding(AIRFLOW, "last DAG run", Health.OK, reason)


def _age(heartbeat: str, now: datetime) -> str:
    seconds = (now - datetime.fromisoformat(heartbeat)).total_seconds()
    return f"{max(seconds, 0):.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return "no usable answer"
