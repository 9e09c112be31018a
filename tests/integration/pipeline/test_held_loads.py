"""A daily run whose sources fail critical checks: what is held, what is not, and what a user decides about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import data_quality.main
from cli.held import app
from cli.rebuild import rebuild_all
from data_quality.held_loads.decisions import Decision
from data_quality.main import NothingToCheck
from data_quality.quality_checks import Status
from local_stack.databases import WarehouseAccess
from pipeline.finish_runs import finish_runs
from pipeline.held_loads import publish_approved, record_decision
from pipeline.run import describe_result
from shared.commands import HELD_EXIT_CODE
from shared.errors import FixConfiguration, StopRun
from tests.conftest import S3Access
from tests.fakes.held_dates import land_too_few, polling_reader
from tests.fakes.killed_at import kill_at
from tests.fakes.raw_zone import DAY, RawZone
from tests.integration.pipeline.test_killed_run import ALERTS, NEXT, VIEW_DAYS, Pipeline
from transformation.main import run as transform
from transformation.main import transform_with_alerts

HELD = "SELECT retailer_id, business_date, status, decided_by, reason FROM ops.held_loads ORDER BY held_load_id"
LINES = "SELECT retailer_id, date_key, line_id FROM fact_sales JOIN dim_retailer USING (retailer_key)"


class HoldingPipeline(Pipeline):
    """Also lands partitions that fail a check, and runs `retail held`."""

    def land_failing(self, day: date = DAY, retailer_id: str = "retailer_1", quantity: int = 2) -> None:
        zone = RawZone()
        land_too_few(zone, *self.lines(day, retailer_id, quantity), day=day, retailer_id=retailer_id)
        self.put(zone)

    def held(self, *arguments: str) -> Result:
        environment = {**self.s3.environment, "WAREHOUSE_DSN": self.warehouse.loader_dsn}
        return CliRunner().invoke(app, arguments, env=environment)

    def processed_days(self) -> list[str]:
        found = self.s3.client.list_objects_v2(Bucket=self.s3.bucket_processed)
        return [each["Key"] for each in found.get("Contents", [])]


@pytest.fixture
def pipeline(warehouse: WarehouseAccess, s3: S3Access) -> HoldingPipeline:
    return HoldingPipeline(warehouse, s3)


def decide(pipeline: HoldingPipeline, decision: Decision, number: int = 1) -> Any:
    return record_decision(pipeline.settings, number, decision, user="ann", reason="Confirmed by phone")


def test_a_held_source_blocks_no_other_and_no_reader_ever_sees_it(pipeline: HoldingPipeline) -> None:
    pipeline.land_failing(DAY, "retailer_1")
    pipeline.land(DAY, "retailer_2")
    with polling_reader(pipeline.warehouse.reader_dsn, LINES) as seen:
        run = pipeline.run("run-1", DAY, ("retailer_1", "retailer_2"))
    assert {row[0] for row in seen} <= {"retailer_2"}
    reason = "landed and not published: 2024-01-15 fails rows_match_report (retail held show 1)"
    assert (run.held, run.missing, run.error) == ({"retailer_1": reason}, {}, None)
    assert (run.ok, run.is_only_held) == (False, True)
    assert describe_result("transform", run.stages["transform"]).endswith("; 1 date held")
    assert pipeline.query(VIEW_DAYS) == [(DAY,)], "the views are refreshed for the others"
    assert pipeline.query(ALERTS) == [("load_held", "retailer_1", DAY, "open")]
    assert pipeline.query("SELECT status, message FROM ops.pipeline_runs WHERE stage = 'transform'") == [
        ("partly_failed", f"retailer_1 is held: {reason}")
    ]
    assert run.stages["quality"]["outcome"] == "pass", "the held date is not reported as missing"
    assert [key.split("/")[1] for key in pipeline.processed_days()] == ["retailer_2"]


def test_when_every_date_is_held_the_run_ends_without_an_error_and_without_later_stages(
    pipeline: HoldingPipeline,
) -> None:
    pipeline.land_failing()
    run = pipeline.run("run-1")
    assert (run.error, list(run.held), sorted(run.stages)) == (None, ["retailer_1"], ["ingest", "plan", "transform"])
    assert not run.ok
    with pytest.raises(NothingToCheck, match="retailer_1 is held: decide with retail held list --date 2024-01-15"):
        data_quality.main.run(DAY, settings=pipeline.settings, run_id="check", only=["retailer_1"])
    assert pipeline.query("SELECT count(*) FROM fact_sales") == [(0,)]
    assert pipeline.processed_days() == []


def test_a_second_run_holds_it_again_without_a_second_message(pipeline: HoldingPipeline) -> None:
    pipeline.land_failing()
    pipeline.run("run-1")
    assert list(pipeline.run("run-2").held) == ["retailer_1"]
    assert pipeline.query(HELD) == [("retailer_1", DAY, "waiting", None, None)]
    assert pipeline.query("SELECT run_id, last_run_id FROM ops.held_loads") == [("run-1", "run-2")]
    assert pipeline.query("SELECT kind, status, occurrences FROM ops.alerts") == [("load_held", "open", 2)]


def test_a_corrected_source_is_published_by_the_next_run_and_ends_the_alert(pipeline: HoldingPipeline) -> None:
    pipeline.land_failing()
    pipeline.run("run-1")
    pipeline.land(DAY)
    assert pipeline.run("run-2").ok
    assert [row[2] for row in pipeline.query(HELD)] == ["superseded"]
    assert pipeline.query(ALERTS) == [("load_held", "retailer_1", DAY, "resolved")]


def test_an_approved_date_is_published_and_later_checks_only_warn_of_what_was_approved(
    pipeline: HoldingPipeline,
) -> None:
    pipeline.land_failing()
    pipeline.run("run-1")
    result = publish_approved(pipeline.settings, decide(pipeline, Decision.APPROVED))
    assert result.ok
    assert pipeline.query(VIEW_DAYS) == [(DAY,)]
    assert pipeline.query(HELD) == [("retailer_1", DAY, "approved", "ann", "Confirmed by phone")]
    assert pipeline.query(ALERTS) == [("load_held", "retailer_1", DAY, "resolved")]
    checked = data_quality.main.run(DAY, settings=pipeline.settings, run_id="check", only=["retailer_1"])
    assert checked.outcome is Status.WARN
    (warning,) = checked.with_status(Status.WARN)
    assert warning.check.name == "rows_match_report"
    assert warning.message.endswith("ann has approved the date all the same: Confirmed by phone.")
    assert pipeline.run("run-2").ok, "a run of the same content fails no check"


def test_a_discarded_date_stays_unpublished_and_the_earlier_publication_stays(pipeline: HoldingPipeline) -> None:
    pipeline.land(DAY)
    pipeline.run("run-1")
    before = pipeline.query("SELECT ops.warehouse_digest()")
    pipeline.land_failing(quantity=7)
    pipeline.run("run-2")
    decide(pipeline, Decision.DISCARDED)
    assert pipeline.query(ALERTS) == [("load_held", "retailer_1", DAY, "resolved")]
    assert list(pipeline.run("run-3").held) == ["retailer_1"]
    assert pipeline.query("SELECT ops.warehouse_digest()") == before
    assert [status for *_, status in pipeline.query(ALERTS)] == ["resolved"]
    assert publish_approved(pipeline.settings, decide(pipeline, Decision.APPROVED)).ok, "it can be approved after all"
    assert [row[2] for row in pipeline.query(HELD)] == ["discarded", "approved"]
    assert pipeline.query("SELECT sum(quantity) FROM fact_sales") == [(9,)]


def test_a_decision_is_made_once_and_about_what_is_landed_now(pipeline: HoldingPipeline) -> None:
    with pytest.raises(FixConfiguration, match="Held load 1 does not exist"):
        decide(pipeline, Decision.APPROVED)
    pipeline.land_failing()
    pipeline.run("run-1")
    pipeline.land_failing(quantity=5)
    with pytest.raises(StopRun, match=r"other data was landed since\. Nothing was decided"):
        decide(pipeline, Decision.APPROVED)
    pipeline.run("run-2")
    with pytest.raises(StopRun, match="waits no more: The source sent other content"):
        decide(pipeline, Decision.APPROVED)
    decide(pipeline, Decision.APPROVED, 2)
    with pytest.raises(StopRun, match="was approved by ann at"):
        decide(pipeline, Decision.DISCARDED, 2)


@pytest.mark.parametrize(
    "target",
    [
        "transformation.processors.star_schema_processor:record_held",
        "data_quality.publication_gate:report_held",
    ],
)
def test_a_run_that_is_killed_before_it_has_recorded_what_it_holds_publishes_nothing(
    pipeline: HoldingPipeline, target: str
) -> None:
    pipeline.land_failing(NEXT)
    pipeline.land(DAY)
    pipeline.run("run-1", DAY)
    kill_at(target, lambda: transform(NEXT, ["retailer_1"], settings=pipeline.settings, run_id="killed"))
    assert pipeline.query("SELECT DISTINCT date_key FROM fact_sales") == [(20240115,)]
    assert list(pipeline.run("run-2", NEXT).held) == ["retailer_1"]
    assert [row[:3] for row in pipeline.query(HELD)] == [("retailer_1", NEXT, "waiting")]
    assert ("load_held", "retailer_1", NEXT, "open") in pipeline.query(ALERTS)


def test_a_killed_run_is_finished_without_an_alert_that_the_held_source_is_missing(pipeline: HoldingPipeline) -> None:
    pipeline.land_failing(DAY, "retailer_1")
    pipeline.land(DAY, "retailer_2")
    retailers = ("retailer_1", "retailer_2")
    kill_at("pipeline.recorded_run:report_outcome", lambda: pipeline.run("run-1", DAY, retailers))
    assert list(finish_runs(pipeline.settings)) == ["run-1"]
    assert pipeline.query(ALERTS) == [("load_held", "retailer_1", DAY, "open")]


def test_two_loads_at_once_hold_a_date_once(pipeline: HoldingPipeline) -> None:
    pipeline.land_failing()

    def load(number: int) -> Sequence[Any]:
        return transform(DAY, ["retailer_1"], settings=pipeline.settings, run_id=f"run-{number}").held

    with ThreadPoolExecutor(4) as pool:
        assert [len(each) for each in pool.map(load, range(4))] == [1, 1, 1, 1]
    assert pipeline.query(HELD) == [("retailer_1", DAY, "waiting", None, None)]
    assert pipeline.query("SELECT count(*) FROM ops.alerts") == [(1,)]


def test_a_rebuild_publishes_no_held_content_unless_it_is_approved(pipeline: HoldingPipeline) -> None:
    pipeline.land(DAY)
    pipeline.land_failing(NEXT)

    def rebuild(run_id: str) -> list[tuple[int | None, list[date]]]:
        loads = rebuild_all({"retailer_1": [DAY, NEXT]}, pipeline.settings, run_id, Console(stderr=True))
        return [(len(load.entries), [each.business_date for each in load.held]) for load in loads]

    assert rebuild("rebuild-1") == [(1, [NEXT])]
    assert rebuild("rebuild-2") == [(1, [NEXT])]
    assert pipeline.query("SELECT run_id, last_run_id FROM ops.held_loads") == [("rebuild-1", "rebuild-1")]
    decide(pipeline, Decision.APPROVED)
    assert rebuild("rebuild-3") == [(2, [])]
    assert pipeline.query("SELECT DISTINCT date_key FROM fact_sales ORDER BY 1") == [(20240115,), (20240116,)]


def test_the_commands_list_show_approve_and_discard(pipeline: HoldingPipeline) -> None:
    assert pipeline.held("list").output.strip() == "No held load matches."
    pipeline.land_failing(DAY)
    pipeline.land_failing(NEXT)
    for day in (DAY, NEXT):
        transform_with_alerts(day, ["retailer_1"], pipeline.settings, insert_only=False)
    listed = json.loads(pipeline.held("list", "--date", str(DAY), "--json").output)
    assert (listed["matching"], listed["held_loads"][0]["failed_checks"]) == (1, ["rows_match_report"])
    shown = pipeline.held("show", "1")
    assert "expected 3, found 2" in " ".join(shown.output.split())
    assert "retail held approve 1 --reason" in shown.output
    assert json.loads(pipeline.held("show", "1", "--json").output)["status"] == "waiting"
    assert pipeline.held("approve", "1").exit_code == 2, "a reason is required"
    assert pipeline.held("approve", "1", "--reason", " ").exit_code == 2
    approved = pipeline.held("approve", "1", "--by", "ann", "--reason", "Confirmed.")
    assert (approved.exit_code, "Published as load" in approved.output) == (0, True), approved.output
    discarded = pipeline.held("discard", "2", "--by", "bob", "--reason", "Cut off", "--json")
    assert json.loads(discarded.output)["status"] == "discarded"
    assert pipeline.query(HELD) == [
        ("retailer_1", DAY, "approved", "ann", "Confirmed"),
        ("retailer_1", NEXT, "discarded", "bob", "Cut off"),
    ]
    assert pipeline.query("SELECT DISTINCT date_key FROM fact_sales") == [(20240115,)]
    assert pipeline.held("show", "3").exit_code == 2
    assert pipeline.held("discard", "2", "--reason", "Again").exit_code == 1
    later = pipeline.held("approve", "2", "--reason", "It was complete", "--no-publish")
    assert (later.exit_code, "retail transform 2024-01-16" in later.output) == (0, True)


def test_an_approval_does_not_cover_another_check(pipeline: HoldingPipeline) -> None:
    pipeline.land_failing()
    pipeline.run("run-1")
    decide(pipeline, Decision.APPROVED)
    pipeline.query("UPDATE ops.sources SET currencies = '{EUR}' WHERE retailer_id = 'retailer_1' RETURNING 1")
    result = transform(DAY, ["retailer_1"], settings=pipeline.settings, run_id="run-2")
    assert (result.ok, result.exit_code) == (False, HELD_EXIT_CODE)
    assert [each.failed for each in result.loads[0].held] == [("rows_match_report", "currency_allowed")]
