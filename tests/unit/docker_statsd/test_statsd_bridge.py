"""The bridge from Airflow's StatsD to Prometheus: what becomes of each line, floods and nonsense, real UDP and HTTP."""

from __future__ import annotations

import importlib.util
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from shared.config import PROJECT_ROOT

NOW = 1_700_000_000.0


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("statsd_bridge", PROJECT_ROOT / "docker/statsd/statsd_bridge.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules["statsd_bridge"] = loaded
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def metrics(module: ModuleType) -> Any:
    return module.Metrics(clock=lambda: NOW)


def sample(metrics: Any, name: str, **labels: str) -> float | None:
    value: float | None = metrics.registry.get_sample_value(name, labels)
    return value


TASK = {"dag_id": "retail_data_pipeline", "task_id": "data_quality_check"}
TAGS = "dag_id=retail_data_pipeline,task_id=data_quality_check"


def test_a_task_that_ends_is_counted_with_its_state(metrics: Any) -> None:
    metrics.receive(f"airflow.ti.finish,{TAGS},state=success:1|c\nairflow.ti.finish,{TAGS},state=success:2|c".encode())
    assert sample(metrics, "airflow_task_finishes_total", **TASK, state="success") == 3


def test_what_statsd_has_in_milliseconds_prometheus_has_in_seconds(metrics: Any) -> None:
    metrics.receive(f"airflow.task.duration,{TAGS}:1500.5|ms".encode())
    assert sample(metrics, "airflow_task_duration_seconds_sum", **TASK) == 1.5005
    assert sample(metrics, "airflow_task_duration_seconds_count", **TASK) == 1


def test_a_dag_run_leaves_its_duration_and_the_time_of_its_end(metrics: Any) -> None:
    metrics.receive(b"airflow.dagrun.duration.failed,dag_id=d,run_type=manual:60000|ms")
    labels = {"dag_id": "d", "state": "failed"}
    assert sample(metrics, "airflow_dag_run_duration_seconds_sum", **labels, run_type="manual") == 60
    assert sample(metrics, "airflow_dag_run_finished_timestamp_seconds", **labels) == NOW


def test_a_heartbeat_is_the_time_it_came(metrics: Any) -> None:
    assert sample(metrics, "airflow_scheduler_heartbeat_timestamp_seconds") == 0
    metrics.receive(b"airflow.scheduler_heartbeat:1|c")
    assert sample(metrics, "airflow_scheduler_heartbeat_timestamp_seconds") == NOW


def test_gauges_are_set_and_changed(metrics: Any) -> None:
    metrics.receive(b"airflow.dagbag_size:3|g\nairflow.dagbag_size:+2|g\nairflow.dagbag_size:-1|g")
    assert sample(metrics, "airflow_dags") == 4


def test_pools_are_labelled_by_name_and_state(metrics: Any) -> None:
    metrics.receive(b"airflow.pool.open_slots,pool_name=retail_pipeline:7|g")
    assert sample(metrics, "airflow_pool_slots", pool="retail_pipeline", state="open") == 7


def test_a_sampled_counter_is_scaled_by_its_rate(metrics: Any) -> None:
    metrics.receive(b"airflow.deadline_alerts.deadline_missed:1|c|@0.1")
    assert sample(metrics, "airflow_deadlines_missed_total") == 10


def test_a_metric_without_a_rule_is_counted_and_forgotten(metrics: Any) -> None:
    for number in range(5000):
        metrics.receive(f"airflow.made.up.{number}:1|c".encode())
    assert sample(metrics, "airflow_statsd_lines_total", outcome="unknown") == 5000


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        ":1|c",
        "airflow.dagbag_size:|g",
        "airflow.dagbag_size:x|g",
        "airflow.dagbag_size:nan|g",
        "airflow.dagbag_size:inf|g",
        "airflow.dagbag_size:1|h",
        "airflow.dagbag_size,=:1|g",
        f"airflow.ti.start,{TAGS}:-1|c",
        f"airflow.ti.start,{TAGS}:1|c|@0",
        "\x00\xff",
    ],
)
def test_a_malformed_line_is_counted_and_changes_nothing(metrics: Any, line: str) -> None:
    metrics.receive(line.encode("latin-1"))
    assert sample(metrics, "airflow_statsd_lines_total", outcome="malformed") == 1
    assert sample(metrics, "airflow_dags") == 0


def test_a_malformed_line_does_not_take_its_neighbours_along(metrics: Any) -> None:
    metrics.receive(b"airflow.dagbag_size:2|g\n\xff\xfe\nairflow.dag_processing.import_errors:1|g")
    assert sample(metrics, "airflow_dags") == 2
    assert sample(metrics, "airflow_dag_import_errors") == 1


def test_a_flood_of_names_stops_at_the_limit(module: ModuleType) -> None:
    metrics = module.Metrics(most_series=10)
    for number in range(100):
        metrics.receive(f"airflow.ti.start,dag_id=d{number},task_id=t:1|c".encode())
    assert sample(metrics, "airflow_statsd_lines_total", outcome="too_many_series") == 90
    assert sample(metrics, "airflow_task_starts_total", dag_id="d9", task_id="t") == 1
    assert sample(metrics, "airflow_task_starts_total", dag_id="d10", task_id="t") is None


def test_a_long_tag_is_cut(metrics: Any) -> None:
    metrics.receive(f"airflow.ti.start,dag_id={'d' * 5000},task_id=t:1|c".encode())
    assert sample(metrics, "airflow_task_starts_total", dag_id="d" * 200, task_id="t") == 1


@pytest.fixture
def bridge(module: ModuleType) -> Iterator[Any]:
    served = module.Bridge(module.Metrics(), "127.0.0.1", 0, 0)
    served.start()
    yield served
    served.stop()


def get(bridge: Any, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{bridge.http_port}{path}", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def send(bridge: Any, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, ("127.0.0.1", bridge.udp_port))


def test_what_comes_in_by_udp_goes_out_by_http(bridge: Any) -> None:
    send(bridge, b"\xff\xff", b"airflow.scheduler_heartbeat:1|c", f"airflow.ti.finish,{TAGS},state=failed:1|c".encode())
    wanted = f'airflow_task_finishes_total{{dag_id="{TASK["dag_id"]}",state="failed",task_id="{TASK["task_id"]}"}} 1.0'
    until = time.monotonic() + 5
    while wanted not in (text := get(bridge, "/metrics")[1]) and time.monotonic() < until:
        time.sleep(0.02)
    assert wanted in text
    assert "airflow_scheduler_heartbeat_timestamp_seconds 1." in text


def test_health_is_a_packet_that_comes_through(bridge: Any) -> None:
    assert get(bridge, "/healthz") == (200, "ok\n")
    bridge.metrics.receive = lambda packet: None  # it hangs, in effect
    assert get(bridge, "/healthz")[0] == 503
    assert get(bridge, "/nothing")[0] == 404
