"""Each check against real parts, well and unwell."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from data_quality.main import run as check_quality
from local_stack.databases import WarehouseAccess
from local_stack.postgres import free_port
from local_stack.processes import ServiceProcess, began
from local_stack.state import StackState, save
from scripts.pipeline_health.advice import Advice, Kind
from scripts.pipeline_health.airflow_status import check_airflow
from scripts.pipeline_health.configuration import sources_of
from scripts.pipeline_health.findings import Finding, Health
from scripts.pipeline_health.local_services import check_services, has_living_services
from scripts.pipeline_health.sources import check_sources
from scripts.pipeline_health.storage import check_buckets
from scripts.pipeline_health.warehouse import check_warehouse
from shared.config import PROJECT_ROOT
from shared.database import session, transaction
from shared.sources.table import record_definitions
from tests import shipped_sources
from tests.fakes.airflow_api import run_facts, task_facts
from tests.fakes.published_days import PublishedDays, warehouse_settings
from tests.fakes.rest_apis import RestShopApi

if TYPE_CHECKING:
    from tests.conftest import S3Access

NOW = datetime(2024, 1, 16, 9, tzinfo=UTC)
LOCAL = Advice(Kind.LOCAL)
CONTAINERS = Advice(Kind.CONTAINERS)
YESTERDAY = date(2024, 1, 15)


CREDENTIALS = {
    "RETAILER1_API_KEY": "k",
    **{f"RETAILER{n}_CLIENT_ID": "c" for n in (2, 3)},
    **{"RETAILER2_CLIENT_SECRET": "s", "RETAILER3_HMAC_SECRET": "s"},
}


def published(warehouse: WarehouseAccess) -> PublishedDays:
    """Yesterday published of the sources that ship."""
    with session(warehouse.loader_dsn, application_name="test") as connection, transaction(connection) as cursor:
        record_definitions(cursor, sources_of({}, shipped_sources.ROOT), NOW)
    days = PublishedDays(warehouse.owner_dsn)
    days.publish_all(YESTERDAY)
    return days


def outlet_shop(directory: Path) -> None:
    """A definition with retailer 1's variables and a connector of its own."""
    text = (PROJECT_ROOT / "sources" / "retailer_1.yaml").read_text(encoding="utf-8")
    text = text.replace("id: retailer_1", "id: outlet_shop").replace("connector: retailer1", "connector: shops:Outlet")
    (directory / "outlet_shop.yaml").write_text(text, encoding="utf-8")


def by_item(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.item: finding for finding in findings}


def health(findings: list[Finding]) -> dict[str, Health]:
    return {finding.item: finding.health for finding in findings}


class FakeApi:
    """Returns the configured response of a path; 404 otherwise."""

    def __init__(self) -> None:
        self.responses: dict[str, tuple[int, Any]] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                status, content = fake.responses.get(self.path.partition("?")[0], (404, {}))
                body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = respond  # noqa: N815 - the names http.server calls

            def log_message(self, *arguments: object) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    fake = FakeApi()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


def healthy_airflow(api: FakeApi, **parts: str) -> dict[str, str]:
    states = {"metadatabase": "healthy", "scheduler": "healthy", "dag_processor": "healthy", **parts}
    beat = (NOW - timedelta(seconds=7)).isoformat()
    api.responses |= {
        "/api/v2/monitor/health": (
            200,
            {name: {"status": state, f"latest_{name}_heartbeat": beat} for name, state in states.items()},
        ),
        "/auth/token": (201, {"access_token": "t"}),
        "/api/v2/dags/retail_data_pipeline": (200, {"is_paused": False}),
        "/api/v2/dags/retail_data_pipeline/dagRuns": (200, {"dag_runs": [run_facts("manual__1", "success")]}),
    }
    return {"AIRFLOW_URL": api.url, "AIRFLOW_USERNAME": "admin", "AIRFLOW_PASSWORD": "pw"}


def test_a_fresh_warehouse_is_well(warehouse: WarehouseAccess) -> None:
    published(warehouse)
    check_quality(YESTERDAY, settings=warehouse_settings(warehouse.loader_dsn), run_id="r", clock=lambda: NOW)
    found = check_warehouse({"WAREHOUSE_DSN": warehouse.loader_dsn}, NOW, LOCAL)
    assert {each.health for each in found} == {Health.OK}
    assert by_item(found)["data"].reason == "120 lines on 1 date, the latest 2024-01-15 with 120"
    assert by_item(found)["retailer_2 data"].reason == "published up to 2024-01-15, 40 lines of that date"
    outcome, last_run = (each for each in found if each.item == "quality")
    assert outcome.reason == "pass for 2024-01-15, score 100.0"
    assert last_run.reason == "succeeded for 2024-01-15, started 2024-01-16 09:00 UTC"


def test_a_retailer_that_is_behind_needs_attention(warehouse: WarehouseAccess) -> None:
    days = published(warehouse)
    days.execute("UPDATE ops.pipeline_metadata SET last_processed_date = '2024-01-12' WHERE retailer_id = 'retailer_3'")
    days.execute("DELETE FROM ops.pipeline_metadata WHERE retailer_id = 'retailer_2'")
    found = by_item(check_warehouse({"WAREHOUSE_DSN": warehouse.loader_dsn}, NOW, LOCAL))
    assert found["retailer_3 data"].health is Health.ATTENTION
    assert "3 days behind 2024-01-15" in found["retailer_3 data"].reason
    assert found["retailer_2 data"].reason == "never published"


def test_only_scheduled_sources_that_have_begun_are_expected_to_be_recent(warehouse: WarehouseAccess) -> None:
    days = published(warehouse)
    days.execute("UPDATE ops.sources SET is_scheduled = false WHERE retailer_id = 'retailer_1'")
    days.execute("UPDATE ops.sources SET start_date = '2024-01-16' WHERE retailer_id = 'retailer_2'")
    items = {each.item for each in check_warehouse({"WAREHOUSE_DSN": warehouse.loader_dsn}, NOW, LOCAL)}
    assert {item for item in items if item.startswith("retailer_")} == {"retailer_3 data"}


def test_an_empty_warehouse_needs_attention_and_one_without_tables_is_down(
    warehouse: WarehouseAccess, database: str
) -> None:
    assert (
        by_item(check_warehouse({"WAREHOUSE_DSN": warehouse.loader_dsn}, NOW, LOCAL))["data"].health is Health.ATTENTION
    )
    without_tables = by_item(check_warehouse({"WAREHOUSE_DSN": database}, NOW, LOCAL))
    assert without_tables["schema"].health is Health.DOWN
    assert "python -m shared.migrations" in without_tables["schema"].remedy


def test_a_run_that_failed_or_hangs_needs_attention(warehouse: WarehouseAccess) -> None:
    PublishedDays(warehouse.owner_dsn).execute(
        "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at, message) VALUES"
        " ('a', 'ingest', '2024-01-15', 'failed', '2024-01-16 02:00+00', 'retailer_2 does not respond'),"
        " ('a', 'transform', '2024-01-15', 'running', '2024-01-16 02:00+00', NULL),"
        " ('b', 'quality', '2024-01-15', 'running', '2024-01-16 08:59+00', NULL)"
    )
    everything = check_warehouse({"WAREHOUSE_DSN": warehouse.loader_dsn}, NOW, LOCAL)
    found = by_item([each for each in everything if each.area == "recent runs"])
    assert (found["ingest"].health, found["ingest"].remedy) == (Health.ATTENTION, "See its log in Airflow")
    assert found["ingest"].reason == "failed for 2024-01-15, started 2024-01-16 02:00 UTC: retailer_2 does not respond"
    assert found["transform"].health is Health.ATTENTION
    assert found["quality"].health is Health.OK
    assert "refresh" not in found


def test_a_run_that_never_ended_is_reported_until_its_date_is_run_again(warehouse: WarehouseAccess) -> None:
    days = PublishedDays(warehouse.owner_dsn)
    days.execute(
        "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at) VALUES"
        " ('a', 'ingest', '2024-01-13', 'running', '2024-01-14 02:00+00'),"
        " ('b', 'ingest', '2024-01-15', 'succeeded', '2024-01-16 02:00+00')"
    )
    (stuck,) = (
        each
        for each in check_warehouse({"WAREHOUSE_DSN": warehouse.loader_dsn}, NOW, CONTAINERS)
        if each.item == "stuck runs"
    )
    assert (stuck.health, stuck.reason) == (Health.ATTENTION, "ingest of 2024-01-13 began 2 days ago and never ended")
    assert stuck.remedy == "Run it again: docker-compose run --rm ingestion python -m ingestion.main 2024-01-13"
    days.execute(
        "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at) VALUES"
        " ('c', 'ingest', '2024-01-13', 'succeeded', '2024-01-16 03:00+00')"
    )
    items = {each.item for each in check_warehouse({"WAREHOUSE_DSN": warehouse.loader_dsn}, NOW, CONTAINERS)}
    assert "stuck runs" not in items


def test_open_dead_letters_are_counted(warehouse: WarehouseAccess) -> None:
    PublishedDays(warehouse.owner_dsn).execute(
        "INSERT INTO ops.dead_letters (retailer_id, business_date, stage, reason_code, reason, payload, payload_digest,"
        " position, run_id, status, first_seen_at, last_seen_at)"
        " SELECT 'retailer_1', day, 'ingest', 'code', 'why', '{}', day || n::text, 'p', 'r', status, now(), now()"
        " FROM (VALUES ('2024-01-14'::date, 1, 'open'), ('2024-01-15', 2, 'open'), ('2024-01-15', 3, 'resolved'))"
        " AS dead_letters (day, n, status)"
    )
    line = by_item(check_warehouse({"WAREHOUSE_DSN": warehouse.loader_dsn}, NOW, LOCAL))["dead letters"]
    assert (line.health, line.reason.partition(";")[0]) == (Health.OK, "2 open, 1 of 2024-01-15")


def test_a_warehouse_that_does_not_respond_is_down_without_its_password() -> None:
    (found,) = check_warehouse({"WAREHOUSE_DSN": f"postgresql://u:secret@127.0.0.1:{free_port()}/x"}, NOW, LOCAL)
    assert found.health is Health.DOWN
    assert "secret" not in f"{found.reason}{found.remedy}"


def test_writable_buckets_are_well_and_nothing_stays_in_them(s3: S3Access) -> None:
    assert {each.health for each in check_buckets(s3.environment, LOCAL)} == {Health.OK}
    assert s3.client.list_objects_v2(Bucket=s3.bucket_raw)["KeyCount"] == 0


def test_one_bucket_that_is_missing_hides_nothing_of_the_other(s3: S3Access) -> None:
    found = check_buckets({**s3.environment, "S3_BUCKET_RAW": "nowhere"}, LOCAL)
    assert health(found) == {"raw bucket": Health.DOWN, "processed bucket": Health.OK}


def test_a_bucket_we_may_not_use_is_down(s3: S3Access) -> None:
    s3.deny(s3.bucket_processed)
    found = check_buckets(s3.environment, LOCAL)
    assert health(found) == {"raw bucket": Health.OK, "processed bucket": Health.DOWN}


def test_a_simulated_retailer_is_healthy_only_when_its_database_responds(api: FakeApi) -> None:
    api.responses = {"/well/health": (200, {"status": "ok"}), "/ill/health": (503, {"status": "unavailable"})}
    environ = {
        **CREDENTIALS,
        "RETAILER1_API_URL": f"{api.url}/well/",
        "RETAILER2_API_URL": f"{api.url}/ill",
        "RETAILER3_API_URL": f"http://127.0.0.1:{free_port()}",
    }
    found = check_sources(sources_of(environ, shipped_sources.ROOT), LOCAL)
    assert [each.health for each in found] == [Health.OK, Health.DOWN, Health.DOWN]
    assert found[0].reason == f"{api.url} responds"
    assert found[1].reason.endswith("returns status 503")
    assert found[2].reason.endswith("no connection")


@pytest.mark.parametrize(
    ("status", "expected"), [(200, Health.OK), (401, Health.OK), (404, Health.OK), (502, Health.ATTENTION)]
)
def test_any_response_shows_that_a_source_s_address_is_reached(
    api: FakeApi, tmp_path: Path, status: int, expected: Health
) -> None:
    outlet_shop(tmp_path)
    api.responses = {"/k3y/v2": (status, {})}
    environ = {"SOURCES_DIRECTORY": str(tmp_path), "RETAILER1_API_KEY": "k"}
    address = api.url.replace("http://", "http://me:p4ss@")
    (found,) = check_sources(sources_of({**environ, "RETAILER1_API_URL": f"{address}/k3y/v2"}, tmp_path), CONTAINERS)
    assert (found.item, found.health) == ("outlet_shop", expected)
    assert found.reason.startswith(api.url)
    assert not {"k3y", "p4ss"} & set(found.reason.replace("/", " ").replace(":", " ").split())


def test_an_api_on_this_machine_is_not_taken_for_a_simulated_retailer(api: FakeApi, tmp_path: Path) -> None:
    shutil.copy(RestShopApi.definition, tmp_path)
    api.responses = {"/": (200, {}), "/health": (503, {})}
    environ = {"SOURCES_DIRECTORY": str(tmp_path), "REST_SHOP_URL": f"{api.url}/", "REST_SHOP_TOKEN": "k"}
    (found,) = check_sources(sources_of(environ, tmp_path), LOCAL)
    assert (found.health, found.reason) == (Health.OK, f"{api.url} responds")


def test_an_address_without_a_server_is_down_and_says_where_to_correct_it(tmp_path: Path) -> None:
    outlet_shop(tmp_path)
    environ = {"RETAILER1_API_URL": f"http://127.0.0.1:{free_port()}", "RETAILER1_API_KEY": "k"}
    (found,) = check_sources(sources_of({**environ, "SOURCES_DIRECTORY": str(tmp_path)}, tmp_path), CONTAINERS)
    assert (found.health, found.reason.endswith("no connection")) == (Health.DOWN, True)
    assert found.remedy == "Check the network connection, or correct RETAILER1_API_URL"


def test_an_airflow_whose_components_are_healthy_is_healthy(api: FakeApi) -> None:
    found = check_airflow(healthy_airflow(api), NOW, LOCAL)
    assert {each.health for each in found} == {Health.OK}
    assert by_item(found)["scheduler"].reason == "healthy, last heartbeat 7 s ago"
    assert by_item(found)["last DAG run"].reason == "success: manual__1"


def test_a_scheduler_that_died_is_down_although_the_api_responds(api: FakeApi) -> None:
    found = health(check_airflow(healthy_airflow(api, scheduler="unhealthy"), NOW, LOCAL))
    assert (found["API server"], found["scheduler"]) == (Health.OK, Health.DOWN)


def test_a_rejected_login_a_paused_dag_and_a_failed_run_are_reported(api: FakeApi) -> None:
    environ = healthy_airflow(api)
    api.responses["/api/v2/dags/retail_data_pipeline"] = (200, {"is_paused": True})
    api.responses["/api/v2/dags/retail_data_pipeline/dagRuns"] = (
        200,
        {"dag_runs": [run_facts("manual__1", "failed")]},
    )
    found = health(check_airflow(environ, NOW, LOCAL))
    assert (found["retail_data_pipeline"], found["last DAG run"]) == (Health.ATTENTION, Health.ATTENTION)
    api.responses["/auth/token"] = (401, {})
    assert health(check_airflow(environ, NOW, LOCAL))["login"] is Health.DOWN


def test_a_failed_run_names_its_tasks_and_where_to_look(api: FakeApi) -> None:
    environ = healthy_airflow(api)
    dag = "/api/v2/dags/retail_data_pipeline"
    api.responses[f"{dag}/dagRuns"] = (
        200,
        {"dag_runs": [run_facts("manual__2024-01-16T02:00+00", "failed")]},
    )
    tasks = [
        task_facts("ingest_retailers_to_s3", "success", "retailer_1", 0),
        task_facts("ingest_retailers_to_s3", "failed", "retailer_2", 1),
        task_facts("report_missing_retailers", "failed") | {"start_date": "2024-02-10T10:00:00+00:00"},
    ]
    api.responses[f"{dag}/dagRuns/manual__2024-01-16T02%3A00%2B00/taskInstances"] = (200, {"task_instances": tasks})
    line = by_item(check_airflow(environ, NOW, CONTAINERS))["last DAG run"]
    assert line.health is Health.ATTENTION
    assert line.reason.endswith("; failed: ingest_retailers_to_s3[retailer_2], report_missing_retailers")
    assert f"{api.url}/dags/retail_data_pipeline/runs/" in line.remedy


@pytest.mark.parametrize(("state", "hours"), [("running", 5), ("queued", 1)])
def test_a_run_that_waits_too_long_needs_attention(api: FakeApi, state: str, hours: int) -> None:
    environ = healthy_airflow(api)
    run = run_facts("manual__1", state, queued_at=(NOW - timedelta(hours=hours)).isoformat())
    api.responses["/api/v2/dags/retail_data_pipeline/dagRuns"] = (200, {"dag_runs": [run]})
    line = by_item(check_airflow(environ, NOW, LOCAL))["last DAG run"]
    assert (line.health, line.reason.partition(", ")[0]) == (Health.ATTENTION, f"{state}: manual__1")


def test_a_dag_file_that_cannot_be_imported_is_down_and_another_ones_is_not(api: FakeApi) -> None:
    environ = healthy_airflow(api)
    errors = [
        {
            "filename": "retail_pipeline_dag.py",
            "stack_trace": "Traceback\n  …\nModuleNotFoundError: No module named 'x'\n",
        },
        {"filename": "other.py", "stack_trace": "SyntaxError: y"},
    ]
    api.responses["/api/v2/importErrors"] = (200, {"import_errors": errors})
    ours, other = (each for each in check_airflow(environ, NOW, LOCAL) if each.item == "import errors")
    assert ours.health is Health.DOWN
    assert ours.reason.endswith("cannot be imported: ModuleNotFoundError: No module named 'x'")
    assert other.health is Health.ATTENTION


def test_without_its_database_airflows_other_components_are_unknown(api: FakeApi) -> None:
    environ = healthy_airflow(api, metadatabase="unhealthy", scheduler="unhealthy", dag_processor="unhealthy")
    found = by_item(check_airflow(environ, NOW, CONTAINERS))
    assert found["metadata database"].health is Health.DOWN
    assert found["metadata database"].remedy == "Start it: docker-compose up -d postgres"
    assert found["scheduler"].health is Health.UNKNOWN
    assert "login" not in found


def test_remedies_are_commands_of_the_platform(api: FakeApi, warehouse: WarehouseAccess) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    retailer = {**CREDENTIALS, **{f"RETAILER{n}_API_URL": nobody for n in (1, 2, 3)}}
    store = {"S3_ENDPOINT_URL": nobody, "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    dsn = f"postgresql://u:p@127.0.0.1:{free_port()}/x"
    for advice, remedy in ((LOCAL, "make up"), (CONTAINERS, "docker-compose up -d ")):
        found = [
            *check_sources(sources_of(retailer, shipped_sources.ROOT), advice),
            *check_buckets({**store, **keys}, advice),
            *check_airflow({"AIRFLOW_URL": nobody}, NOW, advice),
            *check_warehouse({"WAREHOUSE_DSN": dsn}, NOW, advice),
        ]
        assert len(found) == 7
        assert all(each.remedy.startswith(f"Start it: {remedy}") for each in found)
    unhealthy = healthy_airflow(api, scheduler="unhealthy")
    assert by_item(check_airflow(unhealthy, NOW, CONTAINERS))["scheduler"].remedy.endswith(
        "docker-compose restart airflow-scheduler"
    )
    empty = by_item(check_warehouse({"WAREHOUSE_DSN": warehouse.loader_dsn}, NOW, CONTAINERS))
    assert "docker-compose run --rm ingestion python -m ingestion.main 2024-01-15" in empty["data"].remedy


def test_a_bucket_that_is_not_there_is_made_by_its_own_service(s3: S3Access) -> None:
    found = by_item(check_buckets({**s3.environment, "S3_BUCKET_RAW": "nowhere"}, CONTAINERS))
    assert found["raw bucket"].remedy.startswith("Create it: docker-compose up -d s3-init")


@pytest.mark.parametrize("content", ["<html>another program</html>", "[]"])
def test_another_service_at_airflows_address_is_not_taken_for_airflow(api: FakeApi, content: str) -> None:
    api.responses["/api/v2/monitor/health"] = (200, content)
    (found,) = check_airflow({"AIRFLOW_URL": api.url}, NOW, LOCAL)
    assert (found.item, found.health) == ("API server", Health.DOWN)


def test_a_local_process_that_ended_is_down(tmp_path: Path) -> None:
    state_file = tmp_path / ".local" / "state.json"
    state_file.parent.mkdir()
    assert not has_living_services(tmp_path)
    alive = ServiceProcess("s3", os.getpid(), began(os.getpid()) or "")
    save(state_file, StackState(services=(alive, ServiceProcess("retailer1", 999_999_999, "never"))))
    assert health(check_services(tmp_path)) == {"s3": Health.OK, "retailer1": Health.DOWN}
    assert has_living_services(tmp_path)
    save(state_file, StackState())
    assert health(check_services(tmp_path)) == {"local platform": Health.DOWN}
