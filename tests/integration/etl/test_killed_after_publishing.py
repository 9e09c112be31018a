"""A load of a file that is killed after its commit: the next command does what was left, the one after it nothing."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from monitoring.unfinished_runs import HOW_TO_FINISH
from pipeline.file_load_checks import LoadUnfinished
from pipeline.finish_runs import FinishedRun, finish_runs
from shared.database import session, transaction
from shared.errors import FixConfiguration, RetailError, RetryLater
from tests.copied_process import CopiedProcess
from tests.fakes.killed_at import kill_at, place
from tests.integration.etl.conftest import RETAILER, Platform, sales, write

VIEW_ROWS = "SELECT coalesce(sum(line_count), 0) FROM mv_daily_sales_summary"
STAGES = "SELECT stage, status, message FROM ops.pipeline_runs WHERE run_id = 'etl-1' ORDER BY pipeline_run_id"
DONE = FinishedRun()
AFTER_THE_COMMIT = "transformation.bulk:refresh_statistics"
BEFORE_THE_REFRESH = "materialized_views.refresh_views:_refresh"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "sales.csv", sales(3))


@pytest.fixture
def killed(platform: Platform, file: Path) -> Callable[..., None]:
    """Load the file and end the load at this function."""

    def load(target: str, **request: Any) -> None:
        kill_at(target, lambda: platform.load(file, **request))

    return load


def is_complete(platform: Platform) -> bool:
    """Whether the views have every line, and no run is unfinished or has an open stage."""
    lines = platform.query("SELECT count(*) FROM fact_sales")
    open_rows = platform.query(
        "SELECT (SELECT count(*) FROM ops.unfinished_runs)"
        " + (SELECT count(*) FROM ops.pipeline_runs WHERE status = 'running')"
    )
    return lines == platform.query(VIEW_ROWS) != [(0,)] and open_rows == [(0,)]


@pytest.mark.parametrize(
    "target",
    [
        AFTER_THE_COMMIT,
        pytest.param("pipeline.file_load_checks:LoadChecks.report_alerts", marks=pytest.mark.long),
        pytest.param(BEFORE_THE_REFRESH, marks=pytest.mark.long),
        pytest.param("pipeline.land_and_load:replace", marks=pytest.mark.long),
    ],
)
def test_the_same_load_again_finishes_it(
    platform: Platform, file: Path, tmp_path: Path, killed: Callable[..., None], target: str
) -> None:
    platform.query(
        "INSERT INTO ops.alerts"
        " (fingerprint, kind, severity, summary, retailer_id, task_id, first_seen_at, last_seen_at)"
        " VALUES ('x', 'task_failed', 'error', 'A file was not loaded', %s, 'load_files', now(), now())",
        RETAILER,
    )
    killed(target, report_directory=tmp_path / "reports")
    assert platform.facts()[0] > 0
    assert not is_complete(platform)
    assert (tmp_path / "reports" / "etl-1" / "quality_report.html").is_file()

    assert platform.load(file).load_id is None
    assert is_complete(platform)
    assert platform.query("SELECT status FROM ops.alerts") == [("resolved",)]
    flows = platform.query(
        "SELECT stage, sum(rows_written) FROM ops.data_lineage WHERE run_id = 'etl-1' GROUP BY stage"
    )
    assert {stage for stage, _ in flows} == {"ingest", "transform", "quality", "refresh"}
    facts = "SELECT sum(rows_written) FROM ops.data_lineage WHERE run_id = 'etl-1' AND target_name LIKE '%%.fact_sales'"
    assert platform.query(facts)[0][0] == platform.facts()[0]
    latest = {stage: status for stage, status, _ in platform.query(STAGES)}
    assert latest == dict.fromkeys(("ingest", "transform", "quality", "refresh"), "succeeded")

    assert finish_runs(platform.settings) == {}


@pytest.mark.long
def test_a_killed_process_is_finished_by_another_command_which_says_so(platform: Platform, file: Path) -> None:
    with_lineage = {**platform.complete_environment, "LC_ALL": "C.UTF-8"}
    arguments = ("cli", "etl", "--source", str(file), "--no-report", "--allow-low-quality")
    process = CopiedProcess("tests.fakes.killed_at", (AFTER_THE_COMMIT, *arguments), with_lineage)
    assert process.wait().returncode == -signal.SIGKILL
    assert platform.facts()[0] > 0
    assert platform.query(VIEW_ROWS) == [(0,)]
    done = platform.retail("maintenance", "unfinished", "--json")
    assert (done.returncode, list(json.loads(done.stdout)["runs"].values())) == (0, [asdict(DONE)]), done.stderr
    assert is_complete(platform)
    assert json.loads(platform.retail("maintenance", "unfinished", "--json").stdout) == {"ok": True, "runs": {}}


@pytest.mark.long
def test_a_load_that_is_active_is_left_alone(platform: Platform, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    holder, name = place(BEFORE_THE_REFRESH)
    refresh = getattr(holder, name)

    def look(*arguments: Any) -> Any:
        found.append((len(platform.query("SELECT 1 FROM ops.unfinished_runs")), finish_runs(platform.settings)))
        return refresh(*arguments)

    monkeypatch.setattr(holder, name, look)
    platform.load(file)
    assert set(map(str, found)) == {str((1, {}))}
    assert is_complete(platform)


@pytest.mark.long
def test_two_commands_at_once_finish_a_run_once(platform: Platform, killed: Callable[..., None]) -> None:
    killed(AFTER_THE_COMMIT)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: finish_runs(platform.settings), range(2)))
    assert sorted(map(len, done)) == [0, 1]
    assert platform.query("SELECT count(*) FROM ops.pipeline_runs WHERE stage = 'refresh'") == [(1,)]
    assert is_complete(platform)


@pytest.mark.long
def test_a_run_that_is_killed_while_it_finishes_another_leaves_it_to_the_next(
    platform: Platform, file: Path, killed: Callable[..., None]
) -> None:
    killed(AFTER_THE_COMMIT)
    killed(BEFORE_THE_REFRESH)
    assert not is_complete(platform)
    assert finish_runs(platform.settings) == {"etl-1": DONE}
    assert is_complete(platform)


@pytest.mark.long
def test_a_run_that_published_nothing_is_only_closed(
    platform: Platform, file: Path, killed: Callable[..., None]
) -> None:
    killed("transformation.load.steps:move_watermark")
    assert platform.facts()[0] == 0
    assert finish_runs(platform.settings) == {"etl-1": DONE}
    assert platform.query(STAGES) == [(stage, "failed", "The process was killed.") for stage in ("ingest", "transform")]
    assert platform.query("SELECT 1 FROM ops.unfinished_runs") == []


@pytest.mark.long
def test_a_load_without_refresh_that_is_killed_does_not_refresh_the_views(
    platform: Platform, killed: Callable[..., None]
) -> None:
    killed(AFTER_THE_COMMIT, refresh=False)
    assert finish_runs(platform.settings) == {"etl-1": DONE}
    assert platform.query(VIEW_ROWS) == [(0,)]


def test_a_refresh_that_fails_says_what_was_published_and_the_next_run_does_it(platform: Platform, file: Path) -> None:
    platform.query("ALTER MATERIALIZED VIEW mv_daily_sales_summary RENAME TO moved_away")
    with pytest.raises(LoadUnfinished) as failed:
        platform.load(file)
    load_id = platform.query("SELECT max(load_id) FROM ops.data_versions")[0][0]
    assert str(failed.value).startswith(f"Published as load {load_id}: 3 dates. What follows is not complete: ")
    assert "mv_daily_sales_summary" in str(failed.value)
    assert failed.value.__notes__ == [HOW_TO_FINISH]
    assert failed.value.exit_code == 1
    assert "mv_daily_sales_summary" in (finish_runs(platform.settings)["etl-1"].problem or "")

    platform.query("ALTER MATERIALIZED VIEW moved_away RENAME TO mv_daily_sales_summary")
    assert finish_runs(platform.settings) == {"etl-1": DONE}
    assert is_complete(platform)
    assert platform.query("SELECT DISTINCT status FROM ops.alerts") == [("resolved",)]


@pytest.mark.long
def test_finishing_an_old_load_leaves_the_alert_of_a_newer_one(
    platform: Platform, killed: Callable[..., None], tmp_path: Path
) -> None:
    killed(AFTER_THE_COMMIT, refresh=False)
    with pytest.raises(RetailError):
        platform.load(tmp_path / "not-there.csv")  # it finishes the old load first
    platform.query(
        "INSERT INTO ops.unfinished_runs (run_id, command, business_date, retailers, refreshes_views, started_at)"
        " VALUES ('etl-1', 'etl', '2011-01-06', %s, false, now())",
        [RETAILER],
    )
    assert finish_runs(platform.settings) == {"etl-1": DONE}
    assert platform.query("SELECT run_id, status FROM ops.alerts") == [("etl-2", "open")]


def test_a_folder_that_cannot_be_written_stops_the_load_before_anything_is_read(
    platform: Platform, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FixConfiguration, match=r"cannot be written .* so nothing was loaded.* --report DIR"):
        platform.load(tmp_path / "not-there.csv", report_directory=tmp_path / "file" / "reports")
    assert platform.query("SELECT 1 FROM ops.alerts") == []


def test_a_report_that_cannot_be_written_after_all_keeps_the_load_from_being_published(
    platform: Platform, file: Path, tmp_path: Path
) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "etl-1").write_text("", encoding="utf-8")
    with pytest.raises(FixConfiguration, match="so nothing was loaded"):
        platform.load(file, report_directory=reports)
    assert platform.facts()[0] == 0


@pytest.mark.long
def test_a_stage_whose_end_cannot_be_recorded_says_what_was_published(
    platform: Platform, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitoring import stage_runs

    close = stage_runs._close

    def lost(dsn: str, stage: stage_runs.StageRun, outcome: stage_runs.StageOutcome, *others: Any) -> None:
        if stage.stage == "transform":
            raise RetryLater("The connection to the warehouse was lost.")
        close(dsn, stage, outcome, *others)

    with monkeypatch.context() as patched:
        patched.setattr(stage_runs, "_close", lost)
        with pytest.raises(
            RetailError, match=r"Published as load \d+: 3 dates\. .*The stage transform has done its work"
        ):
            platform.load(file)
    assert platform.query("SELECT 1 FROM ops.alerts") == []
    assert finish_runs(platform.settings) == {"etl-1": DONE}
    assert is_complete(platform)


def test_a_connection_lost_during_the_commit_leaves_open_what_was_changed(platform: Platform) -> None:
    with (
        session(platform.warehouse.loader_dsn, application_name="test") as connection,
        pytest.raises(RetryLater, match="lost during the commit, so the changes may have been made"),
        transaction(connection) as cursor,
    ):
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone() or (0,)
        with psycopg2.connect(platform.warehouse.loader_dsn) as killer, killer.cursor() as other:
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))
