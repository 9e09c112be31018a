"""What the stages really push, seen by a gateway of the test's own; and runs whose gateway is in trouble."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from data_quality.main import run as check_quality
from ingestion.results import IngestResult, LandedDate, RetailerResult
from local_stack.databases import WarehouseAccess
from materialized_views.refresh_views import run as refresh_views
from monitoring.metrics import METRICS
from monitoring.stage_runs import StageRun, record_stage
from shared.config import load_settings
from shared.errors import FixConfiguration, RetryLater
from tests.conftest import S3Access
from tests.fakes.published_days import PublishedDays, warehouse_settings
from tests.fakes.pushgateway import Gateway, pushgateway
from tests.fakes.raw_zone import RawZone, record
from transformation.main import run as transform

DAY, NEXT_DAY = date(2024, 1, 15), date(2024, 1, 16)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with pushgateway() as served:
        monkeypatch.setenv("PUSHGATEWAY_URL", served.url)
        yield served


def now() -> datetime:
    return datetime(2024, 1, 20, 2, tzinfo=UTC)


def test_ingestion_pushes_what_its_result_says(gateway: Gateway, warehouse: WarehouseAccess) -> None:
    landed = LandedDate(DAY, 10, 10, 8, 2, 8, {}, {"MISSING_FIELD": 2}, "0" * 64, 0.5)
    results = (RetailerResult("retailer_1", (landed,)), RetailerResult("retailer_2", error="x", error_kind="StopRun"))
    stage = StageRun("run-1", "ingest", DAY, ("retailer_1", "retailer_2"))
    with record_stage(warehouse.loader_dsn, stage, clock=now) as outcome:
        outcome.finish(details=IngestResult("run-1", DAY, results).as_dict(), failed=["retailer_2"], of=2)
    first, second = gateway.group("ingest", "retailer_1"), gateway.group("ingest", "retailer_2")
    assert (first["retail_fetched_records"], first["retail_landed_records"]) == (10, 8)
    assert first['retail_rejected_records{reason="MISSING_FIELD"}'] == 2
    assert (first["retail_stage_failed"], second["retail_stage_failed"]) == (0, 1)
    assert second['retail_stage_errors{kind="StopRun"}'] == 1
    assert set(gateway.methods) == {"POST"}


def test_a_load_pushes_its_counts_and_a_backfill_leaves_the_published_date(
    gateway: Gateway, warehouse: WarehouseAccess, s3: S3Access
) -> None:
    settings = load_settings({**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn})
    zone, older = RawZone(), DAY - timedelta(days=7)
    for day in (DAY, older):
        records = [record(str(n), transaction=f"T{day:%m%d}-{n}", day=day) for n in range(6)]
        zone.land(records, retailer_id="retailer_1", day=day)
    for (_, key), body in zone.objects.items():
        s3.client.put_object(Bucket=s3.bucket_raw, Key=key, Body=body)
    for day in (DAY, older):
        assert transform(day, ["retailer_1"], settings=settings, run_id=f"run-{day}").ok
    pushed = gateway.group("transform", "retailer_1")
    assert pushed['retail_loaded_records{change="inserted"}'] == 6
    assert pushed["retail_stage_business_date_timestamp_seconds"] == midnight(older)
    assert pushed["retail_last_published_date_timestamp_seconds"] == midnight(DAY)


def midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def test_quality_and_refresh_push_scores_and_views(gateway: Gateway, warehouse: WarehouseAccess) -> None:
    days = PublishedDays(warehouse.owner_dsn)
    days.publish_all(NEXT_DAY, run_id="run-2")
    days.close()
    settings = warehouse_settings(warehouse.loader_dsn)
    assert check_quality(NEXT_DAY, settings=settings, run_id="run-2").ok
    refresh_views(settings=settings, run_id="run-2", day=NEXT_DAY)
    quality, refresh = gateway.group("quality"), gateway.group("refresh")
    assert 0.9 < quality["retail_quality_score_ratio"] <= 1
    assert quality['retail_quality_dimension_score_ratio{dimension="accuracy"}'] == 1
    assert quality['retail_quality_failed_checks{retailer="retailer_3",severity="critical"}'] == 0
    assert refresh["retail_views_refreshed"] == 6
    assert refresh['retail_view_rows{view="mv_daily_sales_summary"}'] > 0


def test_together_the_stages_push_every_metric_there_is(
    gateway: Gateway, warehouse: WarehouseAccess, s3: S3Access
) -> None:
    test_ingestion_pushes_what_its_result_says(gateway, warehouse)
    test_a_load_pushes_its_counts_and_a_backfill_leaves_the_published_date(gateway, warehouse, s3)
    test_quality_and_refresh_push_scores_and_views(gateway, warehouse)
    pushed = {series.partition("{")[0] for group in gateway.groups.values() for series in group}
    assert pushed == set(METRICS)


def test_an_error_is_pushed_with_its_kind(gateway: Gateway, warehouse: WarehouseAccess) -> None:
    for error, kind in (
        (RetryLater("busy"), "RetryLater"),
        (ValueError("a defect"), "Defect"),
        (KeyboardInterrupt(), "StopRun"),
    ):
        with pytest.raises(type(error)), record_stage(warehouse.loader_dsn, StageRun("r", "refresh", DAY), clock=now):
            raise error
        assert gateway.group("refresh")[f'retail_stage_errors{{kind="{kind}"}}'] == 1
        assert gateway.group("refresh")["retail_stage_failed"] == 1


def test_a_warehouse_that_rejects_is_pushed_too(gateway: Gateway, warehouse: WarehouseAccess) -> None:
    dsn = re.sub(r":[^:@/]+@", ":wrong@", warehouse.loader_dsn)
    with pytest.raises(FixConfiguration), record_stage(dsn, StageRun("r", "quality", DAY), clock=now):
        pass
    assert gateway.group("quality")['retail_stage_errors{kind="FixConfiguration"}'] == 1


def test_a_killed_run_has_begun_and_not_ended(gateway: Gateway, warehouse: WarehouseAccess) -> None:
    class Killed(BaseException):
        """Nobody handles it, as nobody handles SIGKILL."""

    with pytest.raises(Killed), record_stage(warehouse.loader_dsn, StageRun("r", "refresh", DAY), clock=now):
        raise Killed
    assert list(gateway.group("refresh")) == ["retail_stage_started_timestamp_seconds"]


@pytest.mark.parametrize("status", [400, 500, 302])
def test_a_gateway_that_rejects_fails_no_run(gateway: Gateway, warehouse: WarehouseAccess, status: int) -> None:
    gateway.status = status
    with record_stage(warehouse.loader_dsn, StageRun("run-1", "refresh", DAY), clock=now) as outcome:
        outcome.finish(details={"views": []})
    assert outcome.status == "succeeded"
