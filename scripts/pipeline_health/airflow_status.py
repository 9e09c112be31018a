"""Airflow, through its REST API: its components, the DAG, import errors, the latest run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.findings import Finding, Health, format_span, reported
from scripts.pipeline_health.sources import TIMEOUT
from shared.airflow_rest.client import DAG_ID, AirflowApi, AirflowError, AirflowForbidden, AirflowUnavailable
from shared.airflow_rest.runs import Run, latest_runs, tasks_of
from shared.errors import RetailError

AREA = "Airflow"
DAG_FILE = "retail_pipeline_dag.py"
HANGING_AFTER = timedelta(hours=4)
WAITING_AFTER = timedelta(minutes=10)
# Name in Airflow's API, name in the report, service to look at. The pipeline does not use the triggerer.
COMPONENTS = (
    ("metadatabase", "metadata database", "postgres"),
    ("scheduler", "scheduler", "airflow-scheduler"),
    ("dag_processor", "DAG processor", "airflow-dag-processor"),
)


def check_airflow(environ: Mapping[str, str], now: datetime, advice: Advice) -> list[Finding]:
    """Check the API server and the components that it reports, then the DAG and its latest run."""
    url = environ.get("AIRFLOW_URL", "").rstrip("/")
    if not url:
        return [Finding(AREA, "API server", Health.UNKNOWN, "AIRFLOW_URL is missing", advice.settings())]
    user, password = environ.get("AIRFLOW_USERNAME", ""), environ.get("AIRFLOW_PASSWORD", "")
    api = AirflowApi(url, user, password, timeout=TIMEOUT)
    found: list[Finding] = []
    with reported(AREA, "API server", found):
        components = _components(api, advice)
        if isinstance(components, Finding):
            return [components]
        found.append(Finding(AREA, "API server", Health.OK, f"{api.page_url} responds"))
        found += [_component(*each, components, now, advice) for each in COMPONENTS]
        if _has_database(components):  # without it, no login is possible
            with reported(AREA, DAG_ID, found):
                found += _pipeline(api, environ.get("BUSINESS_TIMEZONE") or "UTC", now, advice)
    return found


def _components(api: AirflowApi, advice: Advice) -> Mapping[str, Any] | Finding:
    try:
        return api.health()
    except AirflowUnavailable as error:
        reason = f"{api.page_url}: {error.reason}"
        remedy = f"{advice.start('airflow-webserver')}, or correct AIRFLOW_URL"
    except RetailError:
        reason = f"{api.page_url} responds, but not as Airflow 3 does"
        remedy = f"{advice.restart('airflow-webserver')}; or correct AIRFLOW_URL"
    return Finding(AREA, "API server", Health.DOWN, reason, remedy)


def _component(
    key: str, name: str, service: str, components: Mapping[str, Any], now: datetime, advice: Advice
) -> Finding:
    component = components.get(key) or {}
    heartbeat = component.get(f"latest_{key}_heartbeat")
    age = f", last heartbeat {format_span((now - _time(heartbeat)).total_seconds())} ago" if heartbeat else ""
    status = component.get("status")
    if status == "healthy":
        return Finding(AREA, name, Health.OK, f"healthy{age}")
    if key == "metadatabase":
        return Finding(AREA, name, Health.DOWN, f"{status or 'no status'}", advice.start(service))
    if not _has_database(components):
        # Airflow reports them as unhealthy then, but their heartbeats are in the database.
        return Finding(
            AREA, name, Health.UNKNOWN, "its heartbeat is in the metadata database", advice.start("postgres")
        )
    return Finding(AREA, name, Health.DOWN, f"{status or 'no heartbeat'}{age}", advice.restart(service))


def _has_database(components: Mapping[str, Any]) -> bool:
    return (components.get("metadatabase") or {}).get("status") == "healthy"


def _pipeline(api: AirflowApi, timezone: str, now: datetime, advice: Advice) -> list[Finding]:
    if not (api.username and api.password):
        reason = "AIRFLOW_USERNAME or AIRFLOW_PASSWORD is missing"
        return [Finding(AREA, "login", Health.UNKNOWN, reason, advice.settings())]
    try:
        api.log_in()
    except AirflowUnavailable as error:
        return [Finding(AREA, "login", Health.DOWN, error.reason, advice.restart("airflow-webserver"))]
    except (AirflowForbidden, AirflowError) as error:
        remedy = "Correct AIRFLOW_USERNAME and AIRFLOW_PASSWORD"
        reason = f"the login of {api.username} was rejected ({error.status})"
        return [Finding(AREA, "login", Health.DOWN, reason, remedy)]
    try:
        return [*_import_errors(api), *_dag(api, advice), *_latest_run(api, timezone, now)]
    except AirflowUnavailable as error:
        reason = f"a request to the API failed: {error.reason}"
        return [Finding(AREA, DAG_ID, Health.DOWN, reason, advice.restart("airflow-webserver"))]


def _import_errors(api: AirflowApi) -> Iterator[Finding]:
    try:
        errors = api.call("GET", "/api/v2/importErrors?limit=10").get("import_errors") or ()
    except (AirflowForbidden, AirflowError):  # the user may not read them, which is not a fault of the platform
        return
    for error in errors:
        lines = str(error.get("stack_trace") or "no reason given").strip().splitlines()
        file = str(error.get("filename"))
        # An import error in another DAG does not affect the pipeline.
        health = Health.DOWN if file.endswith(DAG_FILE) else Health.ATTENTION
        reason = f"{file} cannot be imported: {lines[-1].strip()[:200]}"
        yield Finding(AREA, "import errors", health, reason, "Fix the file; Airflow reads it again automatically")


def _dag(api: AirflowApi, advice: Advice) -> Iterator[Finding]:
    try:
        dag = api.call("GET", f"/api/v2/dags/{DAG_ID}")
    except (AirflowForbidden, AirflowError) as error:
        remedy = f"Wait a minute after a start; then: {advice.log('airflow-dag-processor')}"
        yield Finding(AREA, DAG_ID, Health.DOWN, f"Airflow does not know it ({error.status})", remedy)
        return
    if dag.get("is_stale"):
        remedy = advice.restart("airflow-dag-processor")
        yield Finding(AREA, DAG_ID, Health.DOWN, "Airflow has not read its file for some time", remedy)
    elif dag.get("is_paused"):
        remedy = f"Unpause it to have it run daily: {api.page_url}/dags/{DAG_ID}"
        yield Finding(AREA, DAG_ID, Health.ATTENTION, "it is paused", remedy)
    else:
        following = str(dag.get("next_dagrun_run_after") or "")[:16].replace("T", " ")
        yield Finding(AREA, DAG_ID, Health.OK, f"scheduled, next run {following} UTC" if following else "scheduled")


def _latest_run(api: AirflowApi, timezone: str, now: datetime) -> Iterator[Finding]:
    item = "last DAG run"
    try:
        runs = latest_runs(api, DAG_ID, timezone, 1)
    except (AirflowForbidden, AirflowError):
        return
    for run in runs:
        reason = f"{run.state}: {run.run_id}"
        began = run.started_at or run.queued_at
        age = now - began if began else timedelta()
        if run.state == "failed":
            reason += f"; {_failed_tasks(api, run)}"
            remedy = f"Read the log: {run.page(api.page_url)}; fix the cause, then clear the task"
            yield Finding(AREA, item, Health.ATTENTION, reason, remedy)
        elif (run.state == "running" and age > HANGING_AFTER) or (run.state == "queued" and age > WAITING_AFTER):
            reason += f", for {format_span(age.total_seconds())}"
            yield Finding(AREA, item, Health.ATTENTION, reason, f"See what it waits for: {run.page(api.page_url)}")
        else:
            yield Finding(AREA, item, Health.OK, reason)


def _failed_tasks(api: AirflowApi, run: Run) -> str:
    try:
        names = [each.name for each in tasks_of(api, run) if each.state == "failed"]
    except (AirflowForbidden, AirflowError):
        names = []
    return f"failed: {', '.join(names)}" if names else "the failed task is not known"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
