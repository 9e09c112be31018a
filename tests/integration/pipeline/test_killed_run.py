"""A run of the pipeline that is killed after a publication: the next run of any date checks and refreshes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import psycopg2
import pytest
from rich.console import Console

from cli.rebuild import rebuild_all
from ingestion.models.retailer_data import SalesRecord
from local_stack.databases import WarehouseAccess
from monitoring import stage_runs
from pipeline.finish_runs import FinishedRun, finish_runs
from pipeline.outcomes import StageSummary
from pipeline.recorded_run import run_recorded
from pipeline.run import PipelineRun
from pipeline.stages import INGEST, STAGES, StageCall, StageResult
from shared.config import Settings, load_settings
from shared.errors import RetryLater
from tests import shipped_sources
from tests.conftest import S3Access
from tests.fakes.killed_at import kill_at
from tests.fakes.published_days import RETAILERS
from tests.fakes.raw_zone import DAY, RawZone, record
from transformation.main import transform_with_alerts

NEXT = DAY + timedelta(days=1)
VIEW_DAYS = "SELECT DISTINCT business_date FROM mv_daily_sales_summary ORDER BY 1"
ALERTS = "SELECT kind, retailer_id, business_date, status FROM ops.alerts ORDER BY 1, 2"
LEFT = (
    "SELECT (SELECT count(*) FROM ops.unfinished_runs),"
    " (SELECT count(*) FROM ops.pipeline_runs WHERE status = 'running')"
)


@dataclass(frozen=True)
class Landed:
    """The result of an ingestion that found everything landed."""

    retailers: Sequence[str]

    def as_dict(self) -> StageSummary:
        parts: StageSummary = {
            name: {"retailer_id": name, "status": "landed", "error": None, "dates": []} for name in self.retailers
        }
        return {"retailers": parts}


class Pipeline:
    """A warehouse, and runs of the stages after ingestion."""

    def __init__(self, warehouse: WarehouseAccess, s3: S3Access) -> None:
        self.warehouse, self.s3 = warehouse, s3
        self.is_left = False
        """Whether the latest run has published, and something is left to do."""
        own = {**shipped_sources.ENVIRONMENT, "WAREHOUSE_DSN": warehouse.loader_dsn}
        self.settings: Settings = load_settings({**s3.environment, **own})

    def land(self, day: date, retailer_id: str = "retailer_1") -> None:
        zone = RawZone()
        zone.land(self.lines(day, retailer_id), retailer_id=retailer_id, day=day)
        self.put(zone)

    def lines(self, day: date, retailer_id: str, quantity: int = 2) -> list[SalesRecord]:
        currency = RETAILERS[retailer_id][1]
        return [
            record(str(qty), f"T{day:%m%d}", day, retailer_id=retailer_id, qty=qty, currency=currency)
            for qty in (quantity, -2)
        ]

    def put(self, zone: RawZone) -> None:
        for (_, key), body in zone.objects.items():
            self.s3.client.put_object(Bucket=self.s3.bucket_raw, Key=key, Body=body)

    def run(self, run_id: str, day: date = DAY, retailers: Sequence[str] = ("retailer_1",)) -> PipelineRun:
        def landed(call: StageCall) -> StageResult:
            return Landed(call.retailers)

        run = PipelineRun(day, retailers, self.settings, run_id, other_dates=False)
        stages = [replace(each, run=landed) if each is INGEST else each for each in STAGES]
        self.is_left = run_recorded(run, around=lambda stage: nullcontext(), stages=stages)
        return run

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.warehouse.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()


@pytest.fixture
def pipeline(warehouse: WarehouseAccess, s3: S3Access) -> Pipeline:
    return Pipeline(warehouse, s3)


@pytest.fixture
def killed(pipeline: Pipeline) -> Callable[..., None]:
    """Run the stages and end the run at this function."""

    def run(target: str, *arguments: Any) -> None:
        kill_at(target, lambda: pipeline.run(*arguments))

    return run


DONE = FinishedRun()
AFTER_THE_COMMIT = "transformation.main:refresh_statistics"
BEFORE_THE_ALERTS = "pipeline.recorded_run:report_outcome"


@pytest.mark.parametrize(
    "target",
    [
        AFTER_THE_COMMIT,
        pytest.param("data_quality.main:choose_scope", marks=pytest.mark.long),
        pytest.param("materialized_views.refresh_views:_refresh", marks=pytest.mark.long),
        pytest.param(BEFORE_THE_ALERTS, marks=pytest.mark.long),
    ],
)
def test_a_run_of_another_date_checks_and_refreshes_what_was_published(
    pipeline: Pipeline, killed: Callable[..., None], target: str
) -> None:
    pipeline.land(DAY)
    pipeline.land(NEXT)
    killed(target, "run-1", DAY)
    assert pipeline.query(LEFT)[0][0] == 1
    assert pipeline.run("run-2", NEXT).error is None
    assert pipeline.query(VIEW_DAYS) == [(DAY,), (NEXT,)]
    checked = "SELECT DISTINCT business_date FROM ops.data_quality_scores WHERE run_id = 'run-1'"
    assert pipeline.query(checked) == [(DAY,)]
    stages = "SELECT DISTINCT stage FROM ops.data_lineage WHERE run_id = 'run-1' ORDER BY 1"
    assert pipeline.query(stages) == [("quality",), ("refresh",), ("transform",)]
    assert pipeline.query(LEFT) == [(0, 0)]
    assert finish_runs(pipeline.settings) == {}


@pytest.mark.long
@pytest.mark.parametrize("reason", ["The process was killed.", "401. Set RETAILER2_CLIENT_SECRET."])
def test_a_source_that_the_killed_run_did_not_load_is_reported_missing_with_its_reason(
    pipeline: Pipeline, killed: Callable[..., None], reason: str
) -> None:
    pipeline.land(DAY)
    killed(AFTER_THE_COMMIT, "run-1", DAY, ("retailer_1", "retailer_2"))
    if "401" in reason:
        pipeline.query(
            "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at, finished_at, details)"
            " VALUES ('run-1', 'ingest', %s, 'partly_failed', now(), now(), %s) RETURNING 1",
            DAY,
            json.dumps({"retailers": {"retailer_1": {"error": None}, "retailer_2": {"error": reason}}}),
        )
    assert finish_runs(pipeline.settings) == {"run-1": DONE}
    missing = "SELECT detail FROM ops.alerts WHERE (kind, retailer_id, status) = ('missing_data', 'retailer_2', 'open')"
    assert pipeline.query(missing)[0][0].splitlines()[0] == reason
    assert pipeline.query(
        "SELECT status FROM ops.pipeline_runs WHERE stage = 'transform' ORDER BY pipeline_run_id DESC LIMIT 1"
    ) == [("partly_failed",)]


def test_a_failed_check_without_an_alert_becomes_an_alert_and_keeps_the_views(
    pipeline: Pipeline, killed: Callable[..., None]
) -> None:
    pipeline.land(DAY)
    killed(AFTER_THE_COMMIT, "run-1", DAY, ())  # of all sources: no list of them is recorded
    pipeline.query("DELETE FROM fact_sales WHERE line_id = '2' RETURNING 1")
    finding = finish_runs(pipeline.settings)["run-1"].finding or ""
    assert "fact_sales holds as many lines as the ledger" in finding
    assert ("quality_violation", None, DAY, "open") in pipeline.query(ALERTS)
    assert pipeline.query(VIEW_DAYS) == []
    assert finish_runs(pipeline.settings) == {}


@pytest.mark.long
def test_a_run_whose_refresh_fails_is_finished_by_the_next(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.land(DAY)
    pipeline.query("ALTER MATERIALIZED VIEW mv_daily_sales_summary RENAME TO moved_away; SELECT 1")
    failed = pipeline.run("run-1", DAY)
    assert (failed.failed_stage, failed.is_finished, pipeline.is_left) == ("refresh", False, True)
    pipeline.query("ALTER MATERIALIZED VIEW moved_away RENAME TO mv_daily_sales_summary; SELECT 1")
    assert finish_runs(pipeline.settings) == {"run-1": DONE}
    assert pipeline.query(VIEW_DAYS) == [(DAY,)]
    assert {status for *_, status in pipeline.query(ALERTS)} == {"resolved"}


def test_a_stage_that_published_and_whose_end_cannot_be_recorded_says_so(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.land(DAY)
    close = stage_runs._close

    def lost(dsn: str, stage: stage_runs.StageRun, *others: Any) -> None:
        if stage.stage == "transform":
            raise RetryLater("The connection to the warehouse was lost.")
        close(dsn, stage, *others)

    with monkeypatch.context() as patched:
        patched.setattr(stage_runs, "_close", lost)
        assert pipeline.run("run-1", DAY).failed_stage == "transform"
    assert pipeline.is_left
    assert finish_runs(pipeline.settings) == {"run-1": DONE}


@pytest.mark.long
def test_a_run_that_has_failed_before_a_publication_leaves_nothing_to_finish(pipeline: Pipeline) -> None:
    assert pipeline.run("run-1", DAY).failed_stage == "transform"
    assert (pipeline.query(LEFT), pipeline.is_left) == ([(0, 0)], False)


def test_a_retailer_whose_rebuild_fails_leaves_the_others_rebuilt_and_nothing_to_finish(pipeline: Pipeline) -> None:
    names = ("retailer_1", "retailer_2", "retailer_3")
    for name in names:
        if name != "retailer_2":
            pipeline.land(DAY, name)
    loads = rebuild_all({name: [DAY] for name in names}, pipeline.settings, "rebuild-1", Console(stderr=True))
    assert [bool(load.error) for load in loads] == [False, True, False]
    assert "holds nothing of retailer_2" in (loads[1].error or "")
    assert pipeline.query("SELECT stage, status FROM ops.pipeline_runs") == [("transform", "partly_failed")]
    assert pipeline.query(LEFT) == [(0, 0)]


@pytest.mark.long
@pytest.mark.parametrize("command", ["transform", "rebuild"])
def test_a_killed_transform_or_rebuild_is_recorded_and_leaves_the_views(pipeline: Pipeline, command: str) -> None:
    pipeline.land(DAY)
    pipeline.query(
        "INSERT INTO ops.alerts"
        " (fingerprint, kind, severity, summary, retailer_id, business_date, first_seen_at, last_seen_at)"
        " VALUES ('x', 'missing_data', 'error', 'no data', 'retailer_1', %s, now(), now()) RETURNING 1",
        DAY,
    )
    if command == "transform":
        kill_at(
            AFTER_THE_COMMIT, lambda: transform_with_alerts(DAY, ("retailer_1",), pipeline.settings, insert_only=False)
        )
    else:
        kill_at(
            "transformation.bulk:refresh_statistics",
            lambda: rebuild_all({"retailer_1": [DAY]}, pipeline.settings, "rebuild-1", Console(stderr=True)),
        )
    (done,) = finish_runs(pipeline.settings).items()
    assert (done[0].startswith(command), done[1]) == (True, DONE)
    assert pipeline.query(LEFT) == [(0, 0)]
    stages = "SELECT stage, status FROM ops.pipeline_runs ORDER BY pipeline_run_id"
    assert pipeline.query(stages) == [("transform", "failed"), ("transform", "succeeded")]
    assert pipeline.query(VIEW_DAYS) == []
    assert pipeline.query(ALERTS)[0][-1] == ("resolved" if command == "transform" else "open")
