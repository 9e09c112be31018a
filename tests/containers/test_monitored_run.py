"""A run of the DAG with monitoring switched on: what Prometheus then knows of it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
import yaml

from pipeline.stages import STAGES
from tests.containers.engine import Engine
from tests.containers.monitoring_images import monitoring_images
from tests.containers.project import Project
from tests.containers.prometheus import query_prometheus
from tests.containers.stages import EVERYONE, OUTLET, define
from tests.waiting import wait_until

DAY = date(2024, 6, 11)
ADDED = {"airflow-metrics", "pushgateway", "prometheus", "alertmanager"}
"""Without Grafana, whose image has no stand-in."""


@pytest.fixture(scope="module")
def watched(platform: Project, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The shared platform with monitoring. Whoever comes next chooses the files of compose that they need."""
    images = monitoring_images(engine, tmp_path_factory.mktemp("images"))
    platform.configure({"COMPOSE_FILE": "docker-compose.yml:docker/compose/monitoring.yml", **images})
    platform.compose("build", "airflow-metrics")
    services = yaml.safe_load((platform.directory / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    usual = {name for name, service in services.items() if "profiles" not in service}
    platform.up(*sorted(usual | ADDED))
    return platform


def test_a_run_of_the_dag_is_seen_by_prometheus_from_its_stages_and_from_airflow(watched: Project) -> None:
    run_id = watched.trigger(DAY)
    assert watched.running.wait(run_id, 300).state == "success"
    midnight = 1718064000

    def stages() -> dict[str, float]:
        found = query_prometheus(
            watched, f"retail_stage_failed and retail_stage_business_date_timestamp_seconds == {midnight}"
        )
        return {each["metric"]["stage"]: float(each["value"][1]) for each in found}

    wait_until(lambda: stages() == {stage.name: 0.0 for stage in STAGES}, 60)
    landed = {
        each["metric"]["retailer"]: float(each["value"][1])
        for each in query_prometheus(watched, "retail_landed_records")
    }
    ledger = dict(
        watched.warehouse(
            "SELECT retailer_id, landed FROM ops.load_ledger WHERE business_date = %s AND landed > 0", DAY
        )
    )
    assert landed.keys() == ledger.keys() == EVERYONE
    assert all(landed[name] >= ledger[name] for name in ledger), "a run also lands other dates that have changed"
    finished = 'airflow_task_finishes_total{state="success",dag_id="retail_data_pipeline"} > 0'
    wait_until(lambda: len(query_prometheus(watched, finished)) >= 5, 60)
    wait_until(lambda: query_prometheus(watched, "time() - airflow_scheduler_heartbeat_timestamp_seconds < 60"), 60)


def test_a_source_that_is_added_has_metrics_after_its_first_run(watched: Project) -> None:
    define(watched, OUTLET)
    try:
        run_id = watched.trigger(DAY + timedelta(days=1))
        assert watched.running.wait(run_id, 300).state == "success"
    finally:
        (watched.directory / "sources" / f"{OUTLET}.yaml").unlink()

    for query in (
        f'retail_landed_records{{retailer="{OUTLET}"}} > 0',
        f'retail_last_published_date_timestamp_seconds{{retailer="{OUTLET}"}} > 0',
        f'retail_quality_failed_checks{{retailer="{OUTLET}",severity="critical"}} == 0',
    ):
        wait_until(partial(query_prometheus, watched, query), 60)
