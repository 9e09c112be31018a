"""Airflow's StatsD metrics as Prometheus metrics: UDP in (8125), HTTP out (9102: /metrics, /healthz).

Airflow is configured to tag its metrics (AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED) and to leave out the old dotted
names (AIRFLOW__METRICS__LEGACY_NAMES_ON=False). A name says what is measured, the tags say for which object:
`ti.finish,dag_id=retail_data_pipeline,task_id=data_quality_check,state=success:1|c`. The rules list what is kept.
Everything else is counted and dropped, and a metric has at most MOST_SERIES label sets, so memory is bounded.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

log = logging.getLogger("statsd_bridge")
MOST_SERIES = 1000
LONGEST_LABEL = 200
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400)
PING = "statsd_bridge.ping"
_LINE = re.compile(
    r"(?P<name>[^:,|]+)(?P<tags>(?:,[^:,|=]+=[^:,|=]*)*):(?P<value>[^|]+)\|(?P<kind>c|g|ms)(?:\|@(?P<rate>[\d.]+))?"
)


@dataclass(frozen=True)
class Rule:
    """What becomes of a StatsD metric.

    `kind`: `count`, `gauge`, `seconds` (a histogram of what StatsD has in milliseconds) or `time` (when it last came).
    """

    kind: str
    metric: str
    help: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Prometheus label by tag."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Labels that the name itself implies."""


_TASK = {"dag_id": "dag_id", "task_id": "task_id"}
_POOL = {"pool_name": "pool"}


def _run_rules() -> Iterator[tuple[str, Rule]]:
    for state in ("success", "failed"):
        fixed = {"state": state}
        text = "How long DAG runs took, by their end."
        labels = {"dag_id": "dag_id", "run_type": "run_type"}
        yield f"dagrun.duration.{state}", Rule("seconds", "airflow_dag_run_duration_seconds", text, labels, fixed)
        text = "When a DAG run last ended so."
        finished = Rule("time", "airflow_dag_run_finished_timestamp_seconds", text, {"dag_id": "dag_id"}, fixed)
        yield f"dagrun.duration.{state}", finished
    for state in ("open", "queued", "running", "deferred", "scheduled"):
        yield (
            f"pool.{state}_slots",
            Rule("gauge", "airflow_pool_slots", "Slots by pool and state.", _POOL, {"state": state}),
        )
    for state in ("scheduled", "queued", "running", "deferred"):
        text = "Task instances that are in a state now."
        yield f"ti.{state}", Rule("gauge", "airflow_task_instances", text, _TASK, {"state": state})
    for name, metric, text in (
        ("task.duration", "airflow_task_duration_seconds", "How long task instances ran."),
        ("task.queued_duration", "airflow_task_queued_duration_seconds", "How long task instances were queued."),
    ):
        yield name, Rule("seconds", metric, text, _TASK)
    yield (
        "dagrun.schedule_delay",
        Rule("seconds", "airflow_dag_run_schedule_delay_seconds", "How late DAG runs began.", {"dag_id": "dag_id"}),
    )
    yield (
        "scheduler.scheduler_loop_duration",
        Rule("seconds", "airflow_scheduler_loop_duration_seconds", "How long the scheduler's loop took."),
    )
    yield "ti.start", Rule("count", "airflow_task_starts_total", "Task instances started.", _TASK)
    yield (
        "ti.finish",
        Rule("count", "airflow_task_finishes_total", "Task instances ended, by state.", {**_TASK, "state": "state"}),
    )


def _process_rules() -> Iterator[tuple[str, Rule]]:
    for process in ("scheduler", "dag_processor"):
        text = f"When Airflow's {process.replace('_', ' ')} last gave a sign of life."
        yield f"{process}_heartbeat", Rule("time", f"airflow_{process}_heartbeat_timestamp_seconds", text)
    for name, metric, text in (
        ("task_instances_without_heartbeats_killed", "tasks_lost", "Task instances that died without a word."),
        ("scheduler.tasks.killed_externally", "tasks_killed_externally", "Task instances killed by something else."),
        ("scheduler.orphaned_tasks.cleared", "orphaned_tasks_cleared", "Task instances orphaned and put back."),
        ("dag_processing.processor_timeouts", "dag_processor_timeouts", "DAG files given up on."),
        ("deadline_alerts.deadline_missed", "deadlines_missed", "DAG runs that were late."),
    ):
        yield name, Rule("count", f"airflow_{metric}_total", text)
    for name, metric, text in (
        ("dag_processing.import_errors", "dag_import_errors", "DAG files that cannot be imported."),
        ("dag_processing.total_parse_time", "dag_parse_duration_seconds", "How long parsing all DAG files took."),
        ("dagbag_size", "dags", "DAGs found."),
        ("scheduler.dagruns.running", "dag_runs_running", "DAG runs at work."),
        ("scheduler.tasks.starving", "tasks_starving", "Tasks that no pool has room for."),
        ("executor.open_slots", "executor_open_slots", "Task instances that the executor could still take."),
        ("executor.queued_tasks", "executor_queued_tasks", "Task instances queued in the executor."),
        ("executor.running_tasks", "executor_running_tasks", "Task instances that the executor runs."),
    ):
        yield name, Rule("gauge", f"airflow_{metric}", text)


class Metrics:
    """Everything that is exported, and what a line does to it."""

    def __init__(self, clock: Callable[[], float] = time.time, most_series: int = MOST_SERIES) -> None:
        self.registry = CollectorRegistry()
        self.pinged = threading.Event()
        self._clock, self._most_series = clock, most_series
        self._rules: dict[str, list[Rule]] = {}
        self._metrics: dict[str, Counter | Gauge | Histogram] = {}
        self._series: dict[str, set[tuple[str, ...]]] = {}
        self.lines = Counter(
            "airflow_statsd_lines_total",
            "StatsD lines received, by what became of them.",
            ["outcome"],
            registry=self.registry,
        )
        for outcome in ("taken", "unknown", "malformed", "too_many_series"):
            self.lines.labels(outcome)
        for name, rule in (*_run_rules(), *_process_rules()):
            self._rules.setdefault(name, []).append(rule)
            if rule.metric not in self._metrics:
                self._metrics[rule.metric] = self._make(rule)

    def _make(self, rule: Rule) -> Counter | Gauge | Histogram:
        labels = [*rule.labels.values(), *rule.fixed]
        if rule.kind == "seconds":
            return Histogram(rule.metric, rule.help, labels, registry=self.registry, buckets=BUCKETS)
        return (Counter if rule.kind == "count" else Gauge)(rule.metric, rule.help, labels, registry=self.registry)

    def receive(self, packet: bytes) -> None:
        """Take every line of a packet; never raises."""
        for line in packet.decode("utf-8", "replace").splitlines():
            if line:
                self.lines.labels(self._take(line)).inc()

    def _take(self, line: str) -> str:
        parsed = _LINE.fullmatch(line)
        if parsed is None:
            return "malformed"
        name = parsed["name"].removeprefix("airflow.")
        if name == PING:
            self.pinged.set()
            return "taken"
        rules = self._rules.get(name)
        if not rules:
            return "unknown"
        try:
            value, rate = float(parsed["value"]), float(parsed["rate"] or 1)
        except ValueError:
            return "malformed"
        if value != value or abs(value) == float("inf") or not 0 < rate <= 1 or (parsed["kind"] == "c" and value < 0):
            return "malformed"
        tags = dict(tag.split("=", 1) for tag in parsed["tags"].split(",")[1:])
        relative = parsed["kind"] == "g" and parsed["value"][0] in "+-"
        outcomes = {self._apply(rule, tags, value, rate, relative=relative) for rule in rules}
        return "taken" if outcomes == {True} else "too_many_series"

    def _apply(self, rule: Rule, tags: Mapping[str, str], value: float, rate: float, *, relative: bool) -> bool:
        labels = {label: tags.get(tag, "")[:LONGEST_LABEL] for tag, label in rule.labels.items()} | dict(rule.fixed)
        known = self._series.setdefault(rule.metric, set())
        series = tuple(labels.values())
        if series not in known:
            if len(known) >= self._most_series:
                return False
            known.add(series)
        metric = self._metrics[rule.metric]
        metric = metric.labels(**labels) if labels else metric
        if isinstance(metric, Histogram):
            metric.observe(value / 1000)
        elif isinstance(metric, Counter):
            metric.inc(value / rate)
        elif rule.kind == "time":
            metric.set(self._clock())
        elif relative:
            metric.inc(value)
        else:
            metric.set(value)
        return True


class Bridge:
    """Both sockets and the threads that serve them."""

    def __init__(self, metrics: Metrics, host: str, udp_port: int, http_port: int) -> None:
        self.metrics = metrics
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._udp.bind((host, udp_port))
        self._http = ThreadingHTTPServer((host, http_port), self._handler())
        self._http.daemon_threads = True
        self.udp_port: int = self._udp.getsockname()[1]
        self.http_port: int = self._http.server_address[1]
        self._stopped = threading.Event()

    def start(self) -> None:
        """Serve in the background until `stop`."""
        for work in (self._receive, self._http.serve_forever):
            threading.Thread(target=work, daemon=True).start()

    def stop(self) -> None:
        """Close both ports."""
        self._stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._udp.close()

    def healthy(self) -> bool:
        """Whether a packet that is sent to the port is taken."""
        self.metrics.pinged.clear()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(f"{PING}:1|c".encode(), ("127.0.0.1", self.udp_port))
        return self.metrics.pinged.wait(2)

    def _receive(self) -> None:
        while not self._stopped.is_set():
            try:
                packet = self._udp.recv(65535)
            except OSError:
                if not self._stopped.is_set():
                    log.exception("a packet could not be received")
            else:
                self.metrics.receive(packet)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bridge = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    self._respond(200, CONTENT_TYPE_LATEST, generate_latest(bridge.metrics.registry))
                elif path == "/healthz":
                    well = bridge.healthy()
                    self._respond(200 if well else 503, "text/plain", b"ok\n" if well else b"no packet is received\n")
                else:
                    self._respond(404, "text/plain", b"/metrics or /healthz\n")

            def _respond(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stderr)
    # In a container: reached by Airflow's services and Prometheus, published nowhere.
    host = os.environ.get("LISTEN_ADDRESS", "0.0.0.0")  # noqa: S104
    bridge = Bridge(
        Metrics(), host, int(os.environ.get("STATSD_PORT", "8125")), int(os.environ.get("HTTP_PORT", "9102"))
    )
    bridge.start()
    log.info("StatsD on UDP %d, metrics on http://%s:%d/metrics", bridge.udp_port, host, bridge.http_port)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    while not stop.wait(0.5):  # without a limit, a signal that arrives just before the wait would not end it
        pass
    bridge.stop()


if __name__ == "__main__":
    main()
