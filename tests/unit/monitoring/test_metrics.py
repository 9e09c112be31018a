"""What a run of a stage becomes as metrics, and what a Pushgateway in trouble costs it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import structlog

from monitoring import metrics
from monitoring.metrics import METRICS, Group, StageEnd, StageEvent
from shared.config import PROJECT_ROOT

BEGAN = datetime(2024, 1, 16, 2, 0, tzinfo=UTC)
ENDED = BEGAN + timedelta(seconds=90)
DAY = date(2024, 1, 15)
LANDED = {"business_date": "2024-01-15", "fetched": 102, "landed": 100, "rejected": 2, "reasons": {"MISSING_FIELD": 2}}
LOADED = {"inserted": 90, "updated": 4, "unchanged": 5, "duplicate": 1, "withdrawn": 0}


def event(stage: str, *retailers: str) -> StageEvent:
    return StageEvent(stage, DAY, retailers, BEGAN)


def end(details: dict[str, Any] | None = None, *, failed: bool = False, kind: str | None = None) -> StageEnd:
    scheduled = {"retailer_1": date(2024, 3, 1), "outlet_shop": None}
    return StageEnd(ENDED, failed, kind, details or {}, scheduled)


def part(retailer_id: str, **facts: Any) -> dict[str, Any]:
    return {"retailer_id": retailer_id, "status": "landed", "error": None, "error_kind": None, **facts}


def value(groups: list[Group], metric: str, retailer: str | None = None, **labels: str) -> float | None:
    for group in groups:
        if group.key.get("retailer") == retailer:
            return next((number for found, number in group.samples.get(metric, []) if found == labels), None)
    raise AssertionError(f"no group for {retailer}")


def finished(at: StageEvent, how: StageEnd) -> list[Group]:
    return list(metrics.finished(at, how))


def test_each_retailer_of_a_stage_has_a_group_of_its_own() -> None:
    groups = list(metrics.started(event("ingest", "retailer_1", "retailer_2")))
    assert [group.key for group in groups] == [
        {"stage": "ingest", "retailer": "retailer_1"},
        {"stage": "ingest", "retailer": "retailer_2"},
    ]
    assert value(groups, "retail_stage_started_timestamp_seconds", "retailer_2") == BEGAN.timestamp()


def test_a_stage_about_all_retailers_has_one_group_without_a_retailer() -> None:
    assert [group.key for group in metrics.started(event("refresh"))] == [{"stage": "refresh"}]


def test_only_the_failed_one_of_two_retailers_is_reported_as_failed() -> None:
    details = {
        "retailers": {
            "retailer_1": part("retailer_1", dates=[LANDED]),
            "retailer_2": part("retailer_2", dates=[], error="no response", error_kind="RetryLater"),
        }
    }
    groups = finished(event("ingest", "retailer_1", "retailer_2"), end(details, failed=True))
    assert value(groups, "retail_stage_failed", "retailer_1") == 0
    assert value(groups, "retail_stage_failed", "retailer_2") == 1
    assert value(groups, "retail_stage_errors", "retailer_2", kind="RetryLater") == 1
    assert value(groups, "retail_stage_errors", "retailer_1", kind="RetryLater") == 0
    assert value(groups, "retail_stage_succeeded_timestamp_seconds", "retailer_1") == ENDED.timestamp()
    assert value(groups, "retail_stage_succeeded_timestamp_seconds", "retailer_2") is None
    assert value(groups, "retail_stage_duration_seconds", "retailer_2") == 90


def test_records_of_all_dates_of_a_run_are_added_up() -> None:
    details = {"retailers": {"retailer_1": part("retailer_1", dates=[LANDED, LANDED])}}
    groups = finished(event("ingest", "retailer_1"), end(details))
    assert value(groups, "retail_fetched_records", "retailer_1") == 204
    assert value(groups, "retail_landed_records", "retailer_1") == 200
    assert value(groups, "retail_rejected_records", "retailer_1", reason="MISSING_FIELD") == 4
    assert value(groups, "retail_rejected_records", "retailer_1", reason="none") == 0


def test_a_run_without_rejects_says_so_that_the_earlier_ones_do_not_stay() -> None:
    details = {"retailers": {"retailer_1": part("retailer_1", dates=[{**LANDED, "reasons": {}}])}}
    groups = finished(event("ingest", "retailer_1"), end(details))
    assert groups[0].samples["retail_rejected_records"] == [({"reason": "none"}, 0.0)]


@pytest.mark.parametrize(
    "details",
    [
        {"retailers": {"retailer_1": part("retailer_1", partitions=[LOADED])}},
        part("retailer_1", partitions=[LOADED]),  # a load of files
        {"retailer_1": {**part("retailer_1", dates=1), **LOADED}},  # a rebuild
    ],
)
def test_every_kind_of_load_reports_its_records(details: dict[str, Any]) -> None:
    groups = finished(event("transform", "retailer_1"), end(details))
    for change, count in LOADED.items():
        assert value(groups, "retail_loaded_records", "retailer_1", change=change) == count


def test_the_published_date_is_the_watermark_and_not_the_date_of_a_backfill() -> None:
    details = {"retailers": {"retailer_1": part("retailer_1", partitions=[LOADED])}}
    groups = finished(event("transform", "retailer_1"), end(details))
    published = value(groups, "retail_last_published_date_timestamp_seconds", "retailer_1")
    assert published == datetime(2024, 3, 1, tzinfo=UTC).timestamp()
    assert value(groups, "retail_stage_business_date_timestamp_seconds", "retailer_1") == 1705276800


@pytest.mark.parametrize("retailer_id", ["online_retail", "outlet_shop"])
def test_a_source_that_is_not_scheduled_or_was_never_loaded_has_no_published_date(retailer_id: str) -> None:
    groups = finished(event("transform", retailer_id), end(part(retailer_id, partitions=[LOADED])))
    assert value(groups, "retail_last_published_date_timestamp_seconds", retailer_id) is None


def test_an_error_is_counted_by_what_can_be_done_about_it() -> None:
    groups = finished(event("refresh"), end(failed=True, kind="FixConfiguration"))
    kinds = {labels["kind"]: number for labels, number in groups[0].samples["retail_stage_errors"]}
    assert kinds == {"RetryLater": 0, "StopRun": 0, "FixConfiguration": 1, "Defect": 0}


def test_quality_has_zeros_for_what_did_not_fail() -> None:
    check = {"severity": "critical", "status": "fail", "retailer_id": "retailer_2"}
    details = {"outcome": "fail", "score": 91.5, "dimensions": {"accuracy": 80.0}, "checks": [check]}
    groups = finished(event("quality"), end(details, failed=True))
    assert value(groups, "retail_quality_score_ratio") == 0.915
    assert value(groups, "retail_quality_dimension_score_ratio", dimension="accuracy") == 0.8
    counts = {tuple(labels.values()): number for labels, number in groups[0].samples["retail_quality_failed_checks"]}
    assert counts["retailer_2", "critical"] == 1
    assert counts["retailer_1", "critical"] == counts["outlet_shop", "info"] == counts["all", "warning"] == 0
    assert value(groups, "retail_stage_errors", kind="StopRun") == 1


def test_each_view_has_its_own_figures() -> None:
    details = {"views": [{"view": "mv_daily_sales_summary", "rows": 7, "seconds": 0.25}], "seconds": 0.25}
    groups = finished(event("refresh"), end(details))
    assert value(groups, "retail_views_refreshed") == 1
    assert value(groups, "retail_view_refresh_duration_seconds", view="mv_daily_sales_summary") == 0.25
    assert value(groups, "retail_view_rows", view="mv_daily_sales_summary") == 7


def test_metric_names_follow_the_rules_of_prometheus() -> None:
    for name, meaning in METRICS.items():
        assert re.fullmatch(r"retail_[a-z_]+(_seconds|_ratio|_records|_failed|_errors|_checks|_refreshed|_rows)", name)
        assert not name.endswith("_total"), "these are gauges"
        assert meaning.endswith(".")


def test_without_a_gateway_nothing_is_imported() -> None:
    program = (
        "import sys; from monitoring import metrics, stage_runs;"
        "metrics.push_started(None); assert 'prometheus_client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT_ROOT, check=True, env={"PATH": ""})


@pytest.fixture
def unresponsive_gateway() -> Iterator[str]:
    """It accepts the connection and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://user:secret@127.0.0.1:{server.getsockname()[1]}"


def test_an_unresponsive_gateway_costs_some_seconds_and_a_warning(
    unresponsive_gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSHGATEWAY_URL", unresponsive_gateway)
    began = time.monotonic()
    with structlog.testing.capture_logs() as logs:
        metrics.push_started(event("ingest", "retailer_1", "retailer_2", "retailer_3"))
    assert time.monotonic() - began < 3 * metrics.TIMEOUT_SECONDS, "once in all, not once for each retailer"
    assert logs[0]["log_level"] == "warning" and "secret" not in str(logs)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "no url at all", "http://[", "http://nowhere.invalid:9091"])
def test_a_gateway_that_is_not_there_is_a_warning(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSHGATEWAY_URL", url)
    with structlog.testing.capture_logs() as logs:
        metrics.push_finished(event("refresh"), end())
    assert [each["log_level"] for each in logs] == ["warning"]
