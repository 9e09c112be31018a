"""docs/MONITORING.md against the code: every metric and every alert, and no other."""

from __future__ import annotations

import importlib.util
import re
import sys
from types import ModuleType
from typing import Any

import pytest
import yaml

from monitoring.metrics import METRICS
from shared.config import PROJECT_ROOT
from tests.documentation.documents import table_after
from tests.fakes.grafana_dashboards import queries

MONITORING = "docs/MONITORING.md"
KINDS = {"count": "counter", "gauge": "gauge", "time": "gauge", "seconds": "histogram"}


@pytest.fixture(scope="module")
def bridge() -> ModuleType:
    spec = importlib.util.spec_from_file_location("statsd_bridge", PROJECT_ROOT / "docker/statsd/statsd_bridge.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["statsd_bridge"] = module
    spec.loader.exec_module(module)
    return module


def rules() -> dict[str, Any]:
    groups = yaml.safe_load((PROJECT_ROOT / "docker/prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_every_metric_of_the_pipeline_is_explained_and_no_other() -> None:
    assert [row[0].strip("`") for row in table_after(MONITORING, "metrics")] == list(METRICS)


def test_every_metric_of_airflow_is_explained_and_no_other(bridge: ModuleType) -> None:
    exported = {
        rule.metric: (KINDS[rule.kind], ", ".join([*rule.labels.values(), *rule.fixed]))
        for _, rule in (*bridge._run_rules(), *bridge._process_rules())
    } | {"airflow_statsd_lines_total": ("counter", "outcome")}
    explained = {row[0].strip("`"): (row[1], row[2]) for row in table_after(MONITORING, "airflow metrics")}
    assert explained == exported


def test_every_alert_is_explained_with_its_severity() -> None:
    explained = {row[0].strip("`"): row[1] for row in table_after(MONITORING, "alerts")}
    assert explained == {name: rule["labels"]["severity"] for name, rule in rules().items()}


def test_every_alert_says_what_it_is_about_and_what_to_do_and_has_a_test() -> None:
    tests = (PROJECT_ROOT / "docker/prometheus/alerts_test.yml").read_text(encoding="utf-8")
    for name, rule in rules().items():
        assert set(rule["annotations"]) == {"summary", "description"}, name
        assert f"alertname: {name}\n" in tests, f"{name} has no test"


def test_rules_and_dashboards_use_metrics_that_exist(bridge: ModuleType) -> None:
    airflow = {rule.metric for _, rule in (*bridge._run_rules(), *bridge._process_rules())}
    suffixes = {f"{name}{suffix}" for name in airflow for suffix in ("_bucket", "_sum", "_count")}
    known = set(METRICS) | airflow | suffixes | {"airflow_statsd_lines_total"}
    texts = [rule["expr"] for rule in rules().values()] + [query.text for query in queries("prometheus")]
    used = {name for text in texts for name in re.findall(r"\b(?:retail|airflow)_\w+", text)}
    assert used - {"retail_pipeline", "retail_data_pipeline"} - known == set()
