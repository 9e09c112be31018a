"""Runs over dropped files: what is loaded when, what is recorded, and what a run leaves to the next."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import psycopg2
import pytest

from pipeline.daily_files import load_files
from pipeline.due_sources import due_sources
from pipeline.file_drops import DropBusy
from pipeline.stages import StageCall
from shared.config import PROJECT_ROOT
from shared.database import lock_key
from shared.errors import FixConfiguration, RetryLater
from tests.fakes.csv_sources import row, rows
from tests.fakes.killed_at import kill_at
from tests.integration.drops.conftest import Drops, sales_of, statuses


def test_a_file_that_is_still_written_waits_for_the_next_run(drops: Drops) -> None:
    drops.define(read={"settle": "5m"})
    drops.place.put("15.csv", sales_of(15), age_seconds=10)
    first = drops.load()
    assert (first.files, first.waiting) == ([], {"15.csv": "it may still be written"})
    assert drops.ledger() == {"15.csv": "waiting"}

    now = drops.now
    drops.now = lambda: now() + timedelta(minutes=5)
    assert statuses(drops.load()) == {"15.csv": "loaded"}


def test_a_newer_version_of_a_file_replaces_its_dates(drops: Drops) -> None:
    drops.define()
    drops.place.put("15.csv", sales_of(15))
    drops.load()
    drops.place.put("15.csv", sales_of(15, price="4.00", count=8), age_seconds=600)
    assert statuses(drops.load()) == {"15.csv": "loaded"}
    assert [str(each) for each in drops.platform.facts()] == ["8", "64.0000"]


def test_two_files_of_one_date_do_what_the_definition_says(drops: Drops) -> None:
    drops.define()
    drops.place.put("north.csv", sales_of(15))
    drops.place.put("south.csv", rows(*(row(Receipt=f"S{n}") for n in range(10))), age_seconds=600)
    first = drops.load()
    assert statuses(first) == {"north.csv": "loaded", "south.csv": "rejected"}

    drops.define(read={"on_overlap": "append"})
    assert statuses(drops.load()) == {"south.csv": "loaded"}
    assert drops.platform.facts()[0] == 20


def test_a_rejected_file_is_alerted_once_and_tried_again_when_the_definition_changes(drops: Drops) -> None:
    drops.define(limits={"reject_share": 0})
    drops.place.put("15.csv", rows(row(), row(Line=2, Qty="none")))
    assert statuses(drops.load()) == {"15.csv": "rejected"}
    drops.place.put("15.csv", rows(row(), row(Line=2, Qty="none")), age_seconds=1800)  # the same content, touched
    assert drops.load().describe_problems().startswith("15.csv was rejected: ")
    assert drops.platform.query("SELECT count(*) FROM ops.data_versions") == [(0,)]
    assert drops.load().files == []
    assert drops.platform.query("SELECT count(*), min(occurrences) FROM ops.alerts") == [(1, 2)]
    assert statuses(drops.load(all_rejected=True)) == {"15.csv": "rejected"}


@pytest.mark.long
def test_a_file_that_is_named_is_loaded_again_and_one_that_is_not_there_is_an_error(drops: Drops) -> None:
    drops.define()
    drops.place.put("15.csv", sales_of(15))
    drops.load()
    assert statuses(drops.load("15.csv")) == {"15.csv": "loaded"}
    with pytest.raises(FixConfiguration, match=r"has no file 16\.csv"):
        drops.load("16.csv")


@pytest.mark.long
def test_what_a_command_has_loaded_is_not_loaded_again(drops: Drops) -> None:
    drops.define()
    drops.place.put("15.csv", sales_of(15))
    drops.platform.load(drops.place.folder / "15.csv", layout=None, retailer_id="shop")
    versions = drops.platform.versions()
    assert statuses(drops.load()) == {"15.csv": "loaded"}
    assert drops.platform.versions() == versions


def test_links_are_not_followed(drops: Drops) -> None:
    drops.define()
    (drops.place.folder / "secret.csv").symlink_to("/etc/passwd")
    result = drops.load()
    assert result.describe_problems() == "secret.csv was rejected: it is a link. Put the file itself into the folder"


def test_of_two_runs_at_once_one_leaves(drops: Drops) -> None:
    drops.define()
    drops.place.put("15.csv", sales_of(15))
    with psycopg2.connect(drops.platform.warehouse.loader_dsn) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (lock_key("files", "shop"),))
        with pytest.raises(DropBusy, match="Another run is loading the files of shop"):
            drops.load()
    other.close()
    assert statuses(drops.load()) == {"15.csv": "loaded"}


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("pipeline.file_drops:select_files", marks=pytest.mark.long),
        pytest.param("pipeline.dropped_file:run_file_load", marks=pytest.mark.long),
        pytest.param("ingestion.landing.source_partitions:write_files", marks=pytest.mark.long),
        "pipeline.drop_ledger:DropLedger.decide",
        pytest.param("pipeline.drop_ledger:DropLedger.moved", marks=pytest.mark.long),
        pytest.param("pipeline.file_drops:DropRun._refresh", marks=pytest.mark.long),
    ],
)
def test_a_run_that_is_killed_leaves_nothing_lost_and_loads_nothing_twice(drops: Drops, place: str) -> None:
    drops.define(read={"done": "move"})
    drops.place.put("15.csv", sales_of(15))
    drops.place.put("16.csv", sales_of(16), age_seconds=600)
    kill_at(place, lambda: drops.load(refresh=True))

    drops.load(refresh=True)

    assert drops.ledger() == {"15.csv": "loaded", "16.csv": "loaded"}
    assert drops.place.names() == []
    assert [name.partition("-")[2] for name in sorted(drops.place.names("done"), key=lambda n: n[13:])] == [
        "15.csv",
        "16.csv",
    ]
    assert [str(each) for each in drops.platform.facts()] == ["20", "140.0000"]
    assert drops.platform.query("SELECT count(*) FROM ops.unfinished_runs") == [(0,)]
    assert drops.platform.query("SELECT sum(net_amount)::text FROM mv_daily_sales_summary") == [("140.0000",)]


@pytest.mark.long
@pytest.mark.parametrize("place", ["pipeline.drop_ledger:DropLedger.decide", "pipeline.file_drops:DropRun._refresh"])
def test_a_process_that_is_killed_is_followed_up_by_the_next_one(drops: Drops, place: str) -> None:
    drops.define(read={"done": "move"})
    drops.place.put("15.csv", sales_of(15))
    command = [sys.executable, "-m", "tests.fakes.killed_at", place, "cli", "sources", "load", "shop", "--no-report"]
    killed = subprocess.run(command, cwd=PROJECT_ROOT, env=drops.platform.complete_environment, check=False)
    assert killed.returncode == -signal.SIGKILL

    done = drops.platform.retail("sources", "load", "shop", "--no-report")

    assert done.returncode == 0, done.stderr
    assert drops.ledger() == {"15.csv": "loaded"}
    assert len(drops.place.names("done")) == 1
    assert drops.platform.query("SELECT count(*) FROM ops.data_versions") == [(1,)]
    assert drops.platform.query("SELECT sum(net_amount)::text FROM mv_daily_sales_summary") == [("70.0000",)]


def test_a_warehouse_that_does_not_respond_leaves_the_files_to_the_next_run(
    drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    drops.define()
    drops.place.put("15.csv", sales_of(15))

    def unavailable(*_: object, **__: object) -> None:
        raise RetryLater("No PostgreSQL server responds.")

    with monkeypatch.context() as patched:
        patched.setattr("pipeline.dropped_file.run_file_load", unavailable)
        result = drops.load()
    assert (result.stopped, result.ok, result.files) == (True, False, [])
    assert statuses(drops.load()) == {"15.csv": "loaded"}


def test_a_daily_run_loads_what_is_there_and_misses_a_date_that_no_file_has(drops: Drops) -> None:
    drops.define(schedule="daily")
    drops.place.put("15.csv", sales_of(15))
    settings = drops.platform.settings
    there = load_files(StageCall(date(2024, 1, 15), settings, "run-1"), "shop")
    assert (there.status, there.error) == ("landed", None)
    missing = load_files(StageCall(date(2024, 1, 16), settings, "run-2"), "shop")
    assert missing.error_kind == "RetryLater"
    assert "no file in" in str(missing.error)
    assert "has sales of 2024-01-16 yet" in str(missing.error)


@pytest.mark.long
def test_the_complete_pipeline_of_a_date_includes_its_daily_files(drops: Drops) -> None:
    drops.define(schedule="daily")
    drops.place.put("15.csv", sales_of(15))
    done = drops.platform.retail("run", "2024-01-15", "--retailer", "shop", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    (partition,) = result["stages"]["transform"]["retailers"]["shop"]["partitions"]
    assert (partition["inserted"], partition["unchanged"]) == (0, 10)
    assert drops.platform.query("SELECT sum(net_amount)::text FROM mv_daily_sales_summary") == [("70.0000",)]

    failed = drops.platform.retail("ingest", "2024-01-15", "--retailer", "shop")
    assert failed.returncode == 2
    assert "shop is a source of files. Load them: retail sources load shop" in failed.stderr


def test_a_source_is_due_until_it_was_listed_after_the_last_time_of_its_schedule(drops: Drops) -> None:
    drops.define(schedule="*/5 * * * *")
    drops.place.put("15.csv", sales_of(15))
    assert due_sources(drops.platform.settings, drops.now()) == ["shop"]
    drops.load()
    assert due_sources(drops.platform.settings, drops.now() + timedelta(minutes=6)) == ["shop"]
    drops.define(schedule="0 6 1 1 *")
    assert due_sources(drops.platform.settings, drops.now()) == []


def test_the_commands_load_and_show_the_files(drops: Drops, tmp_path: Path) -> None:
    drops.define()
    drops.place.put("15.csv", sales_of(15))
    drops.place.put("broken.csv", "Receipt\nR1\n")
    done = drops.platform.retail("sources", "load", "--no-report")
    assert done.returncode == 1
    assert "15.csv: loaded, load 1" in done.stdout
    assert "shop: 2 files in" in done.stdout
    assert "1 of 2: " in done.stderr

    again = drops.platform.retail("sources", "load", "shop", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["sources"][0]["rejected_before"] == ["broken.csv"]

    shown = drops.platform.retail("sources", "files", "shop", "--status", "rejected", "--json")
    (file,) = json.loads(shown.stdout)["files"]
    assert (file["name"], file["status"]) == ("broken.csv", "rejected")
    assert "needs the columns" in file["reason"]
    assert drops.platform.retail("sources", "files", "shop", "--status", "gone").returncode == 2
