"""Monitoring on real parts: stages push, Airflow's lines come in, Prometheus has both, every query finds data."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_quality.main import run as check_quality
from ingestion.results import IngestResult, LandedDate, RetailerResult
from local_stack.databases import WarehouseAccess
from materialized_views.refresh_views import run as refresh_views
from monitoring.stage_runs import StageRun, record_stage
from shared.config import load_settings
from tests.conftest import S3Access
from tests.containers.conftest import MakeProject
from tests.containers.engine import Engine
from tests.containers.monitoring_images import monitoring_images
from tests.containers.project import Project
from tests.containers.prometheus import address, get, query_prometheus
from tests.containers.stages import EVERYONE
from tests.documentation.documents import fences
from tests.fakes.grafana_dashboards import expand_promql, queries
from tests.fakes.published_days import PublishedDays
from tests.fakes.raw_zone import RawZone, record
from tests.waiting import wait_until
from transformation.main import run as transform

DAY, NEXT_DAY = date(2024, 1, 15), date(2024, 1, 16)
SERVICES = ("airflow-metrics", "pushgateway", "prometheus", "alertmanager")
TASK = "dag_id=retail_data_pipeline,task_id=data_quality_check"
AIRFLOW_LINES = f"""
airflow.scheduler_heartbeat:1|c
airflow.dag_processor_heartbeat:1|c
airflow.dag_processing.import_errors:0|g
airflow.dag_processing.total_parse_time:1.25|g
airflow.dagbag_size:2|g
airflow.scheduler.dagruns.running:1|g
airflow.scheduler.tasks.starving:0|g
airflow.scheduler.scheduler_loop_duration:12.5|ms
airflow.executor.open_slots,executor_class_name=LocalExecutor:7|g
airflow.executor.queued_tasks,executor_class_name=LocalExecutor:0|g
airflow.executor.running_tasks,executor_class_name=LocalExecutor:1|g
airflow.pool.open_slots,pool_name=retail_pipeline:7|g
airflow.pool.running_slots,pool_name=retail_pipeline:1|g
airflow.ti.running,queue=default,{TASK}:1|g
airflow.ti.start,{TASK}:1|c
airflow.ti.finish,{TASK},state=success:1|c
airflow.task.duration,{TASK}:2500|ms
airflow.task.queued_duration,{TASK}:300|ms
airflow.dagrun.duration.success,dag_id=retail_data_pipeline,run_type=scheduled:65000|ms
airflow.dagrun.schedule_delay,dag_id=retail_data_pipeline:800|ms
""".strip()
"""As Airflow 3.3 sends them with tags and without the old names."""


@pytest.fixture(scope="module")
def monitored(make_project: MakeProject, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Monitoring's own services; without Grafana, whose image has no stand-in."""
    images = monitoring_images(engine, tmp_path_factory.mktemp("images"))
    with make_project(COMPOSE_FILE="docker-compose.yml:docker/compose/monitoring.yml", **images) as project:
        project.compose("build", "airflow-metrics")
        project.up(*SERVICES, seconds=60)
        yield project


@pytest.fixture
def pushing(monitored: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Stages of this process push to the project's gateway."""
    monkeypatch.setenv("PUSHGATEWAY_URL", address(monitored, "PUSHGATEWAY_PORT"))
    return monitored


def send_statsd(project: Project, lines: str) -> None:
    program = (
        "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
        "[s.sendto(line.encode(), ('airflow-metrics', 8125)) for line in sys.argv[1].splitlines()]"
    )
    project.docker("exec", project.container("airflow-metrics"), "python", "-c", program, lines)


def run_every_stage(warehouse: WarehouseAccess, s3: S3Access) -> None:
    """A day of the pipeline. What is fetched is made up, since retailers are not what this is about."""
    settings = load_settings({**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn})
    landed = LandedDate(DAY, 30, 30, 29, 1, 29, {}, {"MISSING_FIELD": 1}, "0" * 64, 0.5)
    result = IngestResult("run-1", DAY, tuple(RetailerResult(each, (landed,)) for each in sorted(EVERYONE)))
    stage = StageRun("run-1", "ingest", DAY, tuple(sorted(EVERYONE)))
    with record_stage(warehouse.loader_dsn, stage, clock=lambda: datetime.now(UTC)) as outcome:
        outcome.finish(details=result.as_dict())
    zone = RawZone()
    for retailer_id in EVERYONE:
        records = [record(str(n), transaction=f"T{n // 3}", day=DAY, retailer_id=retailer_id) for n in range(30)]
        zone.land(records, retailer_id=retailer_id, day=DAY)
    for (_, key), body in zone.objects.items():
        s3.client.put_object(Bucket=s3.bucket_raw, Key=key, Body=body)
    assert transform(DAY, sorted(EVERYONE), settings=settings, run_id="run-1").ok
    days = PublishedDays(warehouse.owner_dsn)
    days.publish_all(NEXT_DAY, run_id="run-2")  # with reports that agree, which the zone above has not
    days.close()
    assert check_quality(NEXT_DAY, settings=settings, run_id="run-2").ok
    refresh_views(settings=settings, run_id="run-1", day=DAY)


def test_every_promql_query_finds_data(pushing: Project, warehouse: WarehouseAccess, s3: S3Access) -> None:
    run_every_stage(warehouse, s3)
    promql = queries("prometheus")
    assert promql

    def without_data() -> list[str]:
        send_statsd(pushing, AIRFLOW_LINES)
        return [
            query.name for query in promql if not query_prometheus(pushing, expand_promql(query.text, sorted(EVERYONE)))
        ]

    until = time.monotonic() + 75
    while (missing := without_data()) and time.monotonic() < until:
        time.sleep(3)
    assert missing == []
    check_what_was_pushed(pushing)


def check_what_was_pushed(project: Project) -> None:
    """Counts of each retailer, by the labels of the run and not those of the gateway."""
    fetched = {
        each["metric"]["retailer"]: each["value"][1] for each in query_prometheus(project, "retail_fetched_records")
    }
    assert fetched == dict.fromkeys(EVERYONE, "30")
    loaded = query_prometheus(project, 'retail_loaded_records{change="inserted"}')
    assert {each["metric"]["retailer"]: each["value"][1] for each in loaded} == dict.fromkeys(EVERYONE, "30")
    assert "instance" not in loaded[0]["metric"] and loaded[0]["metric"]["job"] == "retail_pipeline"
    (published,) = query_prometheus(project, "max(retail_last_published_date_timestamp_seconds)")
    assert float(published["value"][1]) == datetime(2024, 1, 15, tzinfo=UTC).timestamp()
    assert {each["metric"]["stage"] for each in query_prometheus(project, "retail_stage_duration_seconds")} == {
        "ingest", "transform", "quality", "refresh",
    }  # fmt: skip
    assert query_prometheus(project, 'up{job="airflow"}')[0]["value"][1] == "1"


def test_a_failed_check_reaches_alertmanager_with_the_retailers_name(
    pushing: Project, warehouse: WarehouseAccess, s3: S3Access
) -> None:
    settings = load_settings({**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn})
    days = PublishedDays(warehouse.owner_dsn)
    days.publish_all(DAY)
    days.execute("DELETE FROM fact_sales WHERE retailer_key = 2 AND line_id = '2'")
    days.close()
    assert not check_quality(DAY, settings=settings, run_id="run-2").ok

    def alerts() -> Any:
        found = get(f"{address(pushing, 'ALERTMANAGER_PORT')}/api/v2/alerts")
        return [each for each in found if each["labels"]["alertname"] == "RetailQualityCheckFailed"]

    (alert,) = wait_until(alerts, 60)
    assert alert["labels"]["severity"] == "critical" and alert["labels"]["retailer"] == "retailer_2"
    assert alert["annotations"]["summary"].startswith("retailer_2: ")
    assert [each["name"] for each in alert["receivers"]] == ["urgent"]


def test_a_run_of_one_retailer_leaves_the_others_figures(pushing: Project, warehouse: WarehouseAccess) -> None:
    def failed() -> dict[str, str]:
        page = urllib.request.urlopen(f"{address(pushing, 'PUSHGATEWAY_PORT')}/metrics", timeout=10).read().decode()
        lines = [line for line in page.splitlines() if line.startswith("retail_stage_failed{") and '"ingest"' in line]
        return {line.split('retailer="')[1].split('"')[0]: line.rpartition(" ")[2] for line in lines}

    def run(*results: RetailerResult) -> None:
        stage = StageRun("run-3", "ingest", DAY, tuple(each.retailer_id for each in results))
        with record_stage(warehouse.loader_dsn, stage, clock=lambda: datetime.now(UTC)) as outcome:
            bad = [each.retailer_id for each in results if each.error]
            outcome.finish(details=IngestResult("run-3", DAY, results).as_dict(), failed=bad, of=len(results))

    run(*(RetailerResult(each) for each in EVERYONE))
    run(RetailerResult("retailer_2", error="no response", error_kind="RetryLater"))
    assert failed() == {"retailer_1": "0", "retailer_2": "1", "retailer_3": "0"}
    pushing.compose("restart", "-t", "5", "pushgateway")
    wait_until(lambda: reachable(f"{address(pushing, 'PUSHGATEWAY_PORT')}/-/ready"), 20)
    assert failed() == {"retailer_1": "0", "retailer_2": "1", "retailer_3": "0"}, "kept over a restart"


def reachable(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=2).status == 200)
    except OSError:
        return False


def test_the_rules_are_right(monitored: Project) -> None:
    prometheus = monitored.container("prometheus")
    monitored.docker("exec", prometheus, "promtool", "check", "config", "/etc/prometheus/prometheus.yml")
    monitored.docker("exec", prometheus, "promtool", "test", "rules", "/etc/prometheus/alerts_test.yml")
    groups = get(f"{address(monitored, 'PROMETHEUS_PORT')}/api/v1/rules")["data"]["groups"]
    assert {
        rule["name"]: rule.get("lastError") for group in groups for rule in group["rules"] if rule.get("lastError")
    } == {}


def test_the_receivers_of_the_document_are_accepted(monitored: Project, tmp_path: Path) -> None:
    shipped = monitored.directory / "docker" / "alertmanager" / "alertmanager.yml"
    settings = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    blocks = [yaml.safe_load(each.text) for each in fences("docs/MONITORING.md") if each.language == "yaml"]
    assert len(blocks) == 3
    for block in ({}, *blocks):
        file = tmp_path / "alertmanager.yml"
        file.write_text(yaml.safe_dump({**settings, **block}), encoding="utf-8")
        monitored.docker("cp", str(file), f"{monitored.container('alertmanager')}:/alertmanager/candidate.yml")
        check = ("amtool", "check-config", "/alertmanager/candidate.yml")
        assert "SUCCESS" in monitored.docker("exec", monitored.container("alertmanager"), *check)


def test_monitoring_runs_with_no_right_it_does_not_need(monitored: Project) -> None:
    for service in SERVICES:
        found = monitored.inspect(service)
        host = found["HostConfig"]
        assert found["Config"]["User"].partition(":")[0] in ("65534", "10001"), service
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
        published = [each for ports in (host["PortBindings"] or {}).values() for each in ports]
        assert {each["HostIp"] for each in published} <= {"127.0.0.1"}, service


def test_grafana_gets_the_settings_of_its_provisioning(monitored: Project) -> None:
    """Its image cannot be had here: that every ${NAME} of the data sources is in its environment, and its files are."""
    grafana = yaml.safe_load(monitored.compose("config").stdout)["services"]["grafana"]
    sources = (monitored.directory / "docker/grafana/provisioning/datasources/datasources.yml").read_text()
    expected = {part.partition("}")[0] for part in sources.split("${")[1:]} - {"…"}
    assert expected and expected <= set(grafana["environment"])
    assert grafana["user"] == "472:0" and grafana["read_only"] and grafana["cap_drop"] == ["ALL"]
