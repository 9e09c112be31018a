"""A run of the checks: what it keeps, what its command prints, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from data_quality.main import run
from data_quality.quality_checks import Check, Status
from local_stack.databases import WarehouseAccess
from shared.config import Settings
from shared.errors import StopRun
from shared.sources.registry import load_sources
from tests import shipped_sources
from tests.copied_process import run_module, run_new
from tests.fakes.published_days import RETAILERS, PublishedDays, warehouse_settings
from tests.fakes.source_definitions import copy_sources, write_source

DAY = date(2024, 1, 15)
ONE_DAY = timedelta(days=1)
NOW = datetime(2024, 1, 16, 2, tzinfo=UTC)


@pytest.fixture
def days(warehouse: WarehouseAccess) -> PublishedDays:
    published = PublishedDays(warehouse.owner_dsn)
    published.publish_all(DAY)
    return published


def command(dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module("data_quality.main", *arguments, environment=command_environment(dsn))


def command_environment(dsn: str) -> dict[str, str]:
    environment = {"WAREHOUSE_DSN": dsn, "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed", "COLUMNS": "160"}
    return {"PATH": os.environ["PATH"], **shipped_sources.ENVIRONMENT, **environment}


def test_results_and_scores_are_kept_also_when_the_outcome_is_fail(
    warehouse: WarehouseAccess, days: PublishedDays
) -> None:
    days.execute("UPDATE fact_sales SET net_amount = -net_amount WHERE date_key = 20240115 AND line_type = 'sale'")
    result = run(DAY, settings=warehouse_settings(warehouse.loader_dsn), run_id="run-1", clock=lambda: NOW)
    assert result.outcome is Status.FAIL
    kept = days.execute("SELECT check_name, retailer_id, status FROM ops.data_quality_results WHERE status = 'fail'")
    assert ("signs_follow_type", "retailer_1", "fail") in kept
    assert days.execute("SELECT outcome FROM ops.data_quality_scores WHERE dimension = 'overall'") == [("fail",)]
    assert days.execute("SELECT stage, status FROM ops.pipeline_runs") == [("quality", "failed")]
    compact = json.loads(json.dumps(result.as_dict()))
    assert {each["status"] for each in compact["checks"]} == {"fail"}  # small enough for XCom
    assert len(result.as_dict(all_checks=True)["checks"]) == sum(compact["counts"].values())


def test_repeating_a_run_adds_results_and_rewrites_the_scores(warehouse: WarehouseAccess, days: PublishedDays) -> None:
    settings = warehouse_settings(warehouse.loader_dsn)
    first = run(DAY, settings=settings, run_id="run-1", clock=lambda: NOW)
    run(DAY, settings=settings, run_id="run-1", clock=lambda: NOW)
    assert days.execute("SELECT count(*) FROM ops.data_quality_results") == [(2 * len(first.checks),)]
    assert days.execute("SELECT count(*) FROM ops.data_quality_scores") == [(1 + len(first.scores.dimensions),)]


def test_a_query_that_does_not_work_is_named_and_nothing_is_kept(
    warehouse: WarehouseAccess, days: PublishedDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Check(
        name="few_rejects",
        dimension="validity",
        severity="info",
        threshold=1,
        description="d",
        remedy="r",
    )
    monkeypatch.setattr("data_quality.quality_checks.read_sql", lambda path: _broken(path))
    with pytest.raises(StopRun, match=r"Check few_rejects could not be evaluated: .*few_rejects\.sql"):
        run(DAY, settings=warehouse_settings(warehouse.loader_dsn), run_id="run-1", clock=lambda: NOW, checks=[broken])
    assert days.execute("SELECT count(*) FROM ops.data_quality_results") == [(0,)]
    assert days.execute("SELECT status FROM ops.pipeline_runs") == [("failed",)]


def _broken(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.stem == "checked_slices" else "SELECT 1 / 0"


def test_the_command_shows_a_table_and_ends_with_0(warehouse: WarehouseAccess, days: PublishedDays) -> None:
    for done in (
        command(warehouse.loader_dsn, "2024-01-15"),
        run_new(*("data_quality", "main.py", "2024-01-15"), environment=command_environment(warehouse.loader_dsn)),
    ):
        assert done.returncode == 0, done.stderr
        assert "money_matches_report" in done.stdout
        assert "Outcome pass for 2024-01-15" in done.stdout


def test_the_command_ends_with_1_on_a_critical_failure_and_prints_json(
    warehouse: WarehouseAccess, days: PublishedDays
) -> None:
    days.publish_all(DAY - ONE_DAY)
    days.execute("DELETE FROM ops.load_ledger_amounts WHERE retailer_id = 'retailer_3' AND business_date = %s", (DAY,))
    days.execute("DELETE FROM ops.load_ledger WHERE retailer_id = 'retailer_3' AND business_date = %s", (DAY,))
    done = command(warehouse.loader_dsn, "2024-01-15", "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert result["outcome"] == "fail"
    assert any(each["check"] == "retailer_present" and each["status"] == "fail" for each in result["checks"])


def test_the_command_raises_the_alert_of_its_date_and_a_later_pass_resolves_it(
    warehouse: WarehouseAccess, days: PublishedDays
) -> None:
    alerts = "SELECT retailer_id, severity, status FROM ops.alerts ORDER BY alert_id"
    days.execute("UPDATE ops.load_ledger SET reported = 1 WHERE retailer_id = 'retailer_3'")
    assert command(warehouse.loader_dsn, "2024-01-15").returncode == 1
    assert days.execute(alerts) == [(None, "critical", "open")]
    one = command(warehouse.loader_dsn, "2024-01-15", "--retailer", "retailer_1")
    assert (one.returncode, days.execute(alerts)) == (0, [(None, "critical", "open")])
    assert command(warehouse.loader_dsn, "2024-01-15", "--retailer", "retailer_3").returncode == 1
    assert days.execute(alerts) == [(None, "critical", "open"), ("retailer_3", "critical", "open")]

    days.execute("UPDATE ops.load_ledger SET reported = 40 WHERE retailer_id = 'retailer_3'")
    assert command(warehouse.loader_dsn, "2024-01-15").returncode == 0
    assert {row[-1] for row in days.execute(alerts)} == {"resolved"}


def test_a_date_without_data_does_not_pass(warehouse: WarehouseAccess, days: PublishedDays) -> None:
    settings = warehouse_settings(warehouse.loader_dsn)
    with pytest.raises(StopRun, match="Nothing is published for 2024-01-14, and no source is expected to have it"):
        run(DAY - ONE_DAY, settings=settings, run_id="run-3", clock=lambda: NOW)
    next_day = run(DAY + ONE_DAY, settings=settings, run_id="run-2", clock=lambda: NOW)
    assert {each.finding.retailer_id for each in next_day.with_status(Status.FAIL)} == set(RETAILERS)


@pytest.mark.parametrize("start", ["", "start_date: 2024-01-14"])
def test_a_new_source_is_expected_from_its_first_load_and_by_a_run_for_it(
    warehouse: WarehouseAccess, days: PublishedDays, tmp_path: Path, start: str
) -> None:
    write_source(copy_sources(tmp_path / "sources"), "outlet_shop", start)
    settings = with_sources(warehouse, tmp_path / "sources")

    assert run(DAY, settings=settings, run_id="run-2", clock=lambda: NOW).outcome is Status.PASS

    of_the_run = run(DAY, settings=settings, run_id="run-1", retailers=list(RETAILERS), clock=lambda: NOW)
    left_out = of_the_run.with_status(Status.WARN)
    assert [(each.check.name, each.finding.retailer_id) for each in left_out] == [("retailer_left_out", "outlet_shop")]

    # A run that was started for the others does not miss it.
    of_others = run(
        DAY, settings=settings, run_id="run-4", retailers=list(RETAILERS), named=list(RETAILERS), clock=lambda: NOW
    )
    assert of_others.outcome is Status.PASS

    names = [*RETAILERS, "outlet_shop"]
    result = run(DAY, settings=settings, run_id="run-3", retailers=names, clock=lambda: NOW)
    assert {each.finding.retailer_id for each in result.with_status(Status.FAIL)} == {"outlet_shop"}


def test_a_corrected_definition_corrects_its_check(
    warehouse: WarehouseAccess, days: PublishedDays, tmp_path: Path
) -> None:
    sources = copy_sources(tmp_path / "sources")
    definition = sources / "retailer_1.yaml"
    text = definition.read_text(encoding="utf-8")
    assert "currencies: [USD]" in text
    definition.write_text(text.replace("currencies: [USD]", "currencies: [CAD]"), encoding="utf-8")
    wrong = run(DAY, settings=with_sources(warehouse, sources), run_id="run-2", clock=lambda: NOW)
    assert [each.check.name for each in wrong.with_status(Status.FAIL)] == ["currency_allowed"]

    definition.write_text(text.replace("currencies: [USD]", "currencies: [CAD, USD]"), encoding="utf-8")
    assert run(DAY, settings=with_sources(warehouse, sources), run_id="run-3", clock=lambda: NOW).outcome is Status.PASS


def test_without_the_directory_of_definitions_what_is_known_of_the_sources_stays(
    warehouse: WarehouseAccess, days: PublishedDays, tmp_path: Path
) -> None:
    scheduled = "SELECT retailer_id FROM ops.sources WHERE is_scheduled ORDER BY 1"
    run(DAY, settings=warehouse_settings(warehouse.loader_dsn), run_id="run-2", clock=lambda: NOW)
    run(DAY, settings=with_sources(warehouse, tmp_path / "none"), run_id="run-3", clock=lambda: NOW)
    assert [name for (name,) in days.execute(scheduled)] == list(RETAILERS)


def with_sources(warehouse: WarehouseAccess, directory: Path) -> Settings:
    settings = warehouse_settings(warehouse.loader_dsn)
    return settings.model_copy(update={"sources": load_sources({}, directory)})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["2024-02-30"], "'2024-02-30' is not a date. Give it as YYYY-MM-DD"),
        (["2099-01-01"], "2099-01-01 is in the future"),
    ],
)
def test_a_date_that_cannot_be_checked_is_one_line_and_ends_with_2(
    warehouse: WarehouseAccess, arguments: list[str], message: str
) -> None:
    done = command(warehouse.loader_dsn, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1


def test_an_unavailable_warehouse_is_one_line(warehouse: WarehouseAccess) -> None:
    done = command("postgresql://retail_user:secret@127.0.0.1:1/nowhere", "2024-01-15")
    assert done.returncode == 1
    assert done.stderr.startswith("No PostgreSQL server responds at retail_user@127.0.0.1:1/nowhere")
    assert "secret" not in done.stderr


def test_a_warehouse_without_a_schema_says_how_to_make_one(database: str) -> None:
    done = command(database, "2024-01-15")
    assert done.returncode == 2
    assert "python -m shared.migrations" in done.stderr
    assert "Traceback" not in done.stderr
