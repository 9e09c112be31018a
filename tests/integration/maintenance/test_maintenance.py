"""Maintenance tasks on a real PostgreSQL and S3: what they remove, create, find and leave alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from typer.testing import CliRunner

from local_stack.databases import WarehouseAccess
from maintenance import orphans, partitions
from maintenance.gap_alerts import watch_gaps
from maintenance.gaps import Gap, find_gaps, find_recent_gaps
from maintenance.main import app
from maintenance.orphans import remove_orphans
from maintenance.partitions import create_partitions
from maintenance.statistics import refresh_statistics
from maintenance.task import TaskContext
from shared.config import PROJECT_ROOT, load_settings
from shared.database import session
from shared.errors import RetryLater
from shared.partitions import ControlAmounts, Manifest, RequestWindow, history_key, manifest_key, raw_key
from shared.s3_admin import store_time
from shared.sources.registry import load_sources
from tests.conftest import S3Access
from tests.fakes.http_vendor import Reply, http_vendor
from tests.fakes.published_days import PublishedDays, usual_lines
from tests.fakes.source_definitions import write_source

YESTERDAY = date(2024, 2, 9)
NOW = datetime(2024, 2, 10, 4, 30, tzinfo=UTC)
ALERTS = "SELECT retailer_id, business_date, status, severity, summary FROM ops.alerts ORDER BY alert_id"


@pytest.fixture(autouse=True)
def own_temporary_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder for temporary files: other processes on this machine may have been killed and left some."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@pytest.fixture
def published(warehouse: WarehouseAccess) -> Iterator[PublishedDays]:
    days = PublishedDays(warehouse.owner_dsn)
    yield days
    days.close()


@pytest.fixture
def context(warehouse: WarehouseAccess, s3: S3Access) -> TaskContext:
    settings = load_settings({**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn})
    return TaskContext(settings, "run-1", YESTERDAY, lambda: NOW)


def land(s3: S3Access, day: date, retailer_id: str = "retailer_1", **changes: Any) -> None:
    """The manifest of a date as `PublishedDays` published it, or otherwise."""
    lines = usual_lines(day)
    money = sum((line.direction * line.quantity * line.price for line in lines), Decimal(0))
    currency = {"retailer_1": "USD", "retailer_2": "GBP", "retailer_3": "EUR"}[retailer_id]
    manifest = Manifest(
        retailer_id=retailer_id,
        business_date=day,
        run_id="run-1",
        object_key=raw_key(retailer_id, day),
        sha256="test",
        size_bytes=1,
        fetched=len(lines),
        landed=len(lines),
        rejected=0,
        distinct=len(lines),
        amounts={currency: ControlAmounts(landed=money)},
        window=RequestWindow(requested_from=NOW - timedelta(days=1), requested_until=NOW - timedelta(days=1)),
        code_version="test",
        written_at=NOW - timedelta(days=1),
    ).model_copy(update=changes)
    body = manifest.model_dump_json().encode()
    s3.client.put_object(Bucket=s3.bucket_raw, Key=manifest_key(retailer_id, day), Body=body)


def days_before(number: int) -> date:
    return YESTERDAY - timedelta(days=number)


def together(*works: Any) -> list[Any]:
    """What each of them came to, run at the same time."""
    outcomes: list[Any] = [None] * len(works)

    def call(number: int) -> None:
        outcomes[number] = works[number]()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


# Orphans -------------------------------------------------------------------------------------------------------------


def open_run(published: PublishedDays, age: timedelta) -> None:
    published.execute(
        "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at)"
        " VALUES (%s, 'transform', %s, 'running', %s)",
        (str(age), YESTERDAY, NOW - age),
    )


@pytest.fixture
def in_two_days(context: TaskContext, monkeypatch: pytest.MonkeyPatch) -> TaskContext:
    """By our clock and that of the store."""

    def later(*_: Any) -> datetime:
        return datetime.now(UTC) + timedelta(days=2)

    monkeypatch.setattr(orphans, "store_time", later)
    return replace(context, clock=later)


def test_what_killed_loads_left_is_removed_and_what_goes_on_is_left(
    context: TaskContext, published: PublishedDays, s3: S3Access, in_two_days: TaskContext
) -> None:
    published.execute("SELECT ops.create_fact_build('2024-01-01', 17)")
    open_run(published, timedelta(hours=25))
    open_run(published, timedelta(hours=2))
    open_run(published, timedelta(hours=26))
    published.execute(
        "INSERT INTO ops.unfinished_runs (run_id, command, business_date, retailers, refreshes_views, started_at)"
        " VALUES (%s, 'run', %s, '{}', true, %s)",
        (str(timedelta(hours=26)), YESTERDAY, NOW),
    )
    upload = s3.client.create_multipart_upload(Bucket=s3.bucket_raw, Key="raw/left.json")["UploadId"]
    s3.client.upload_part(Bucket=s3.bucket_raw, Key="raw/left.json", UploadId=upload, PartNumber=1, Body=b"x" * 10)
    s3.client.create_multipart_upload(Bucket=s3.bucket_raw, Key="raw/without-parts.json")

    young = remove_orphans(replace(context, clock=lambda: NOW)).as_dict()
    old = remove_orphans(in_two_days).as_dict()

    assert young["builds"] == ["fact_sales_2024_01_build_17"]
    assert (young["runs"], young["uploads"]) == (1, [])
    assert old["uploads"] == [f"s3://{s3.bucket_raw}/raw/left.json"]
    left = s3.client.list_multipart_uploads(Bucket=s3.bucket_raw).get("Uploads", [])
    assert [each["Key"] for each in left] == ["raw/without-parts.json"]


def test_temporary_folders_of_killed_processes_are_removed(context: TaskContext, own_temporary_folders: Path) -> None:
    program = "from shared.scratch import scratch_directory as s\nwith s(): print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=PROJECT_ROOT,
        env={**os.environ, "TMPDIR": str(own_temporary_folders)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        [left] = own_temporary_folders.iterdir()

        alive = remove_orphans(context).as_dict()
        assert (alive["folders"], left.exists()) == ([], True)
        process.kill()
        process.wait()

    killed = remove_orphans(context).as_dict()
    assert (killed["folders"], left.exists()) == ([str(left)], False)


def test_with_our_clock_two_days_ahead_nothing_that_is_active_seems_abandoned(
    context: TaskContext, published: PublishedDays, s3: S3Access
) -> None:
    published.execute(
        "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at)"
        " VALUES ('active', 'transform', %s, 'running', now() - interval '1 hour')",
        (YESTERDAY,),
    )
    upload = s3.client.create_multipart_upload(Bucket=s3.bucket_raw, Key="raw/active.json")["UploadId"]
    s3.client.upload_part(Bucket=s3.bucket_raw, Key="raw/active.json", UploadId=upload, PartNumber=1, Body=b"x" * 10)
    copy = history_key("retailer_1", YESTERDAY, "6" * 64)
    s3.client.put_object(Bucket=s3.bucket_raw, Key=copy, Body=b"{}")

    done = remove_orphans(replace(context, clock=lambda: datetime.now(UTC) + timedelta(days=2))).as_dict()

    assert (done["runs"], done["uploads"], done["copies"]) == (0, [], [])
    assert published.execute("SELECT status FROM ops.pipeline_runs") == [("running",)]


def test_a_run_that_is_old_by_both_clocks_ends_by_the_earlier_one(
    context: TaskContext, published: PublishedDays
) -> None:
    published.execute(
        "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at)"
        " VALUES ('dead', 'transform', %s, 'running', now() - interval '3 days')",
        (YESTERDAY,),
    )
    assert remove_orphans(replace(context, clock=lambda: datetime.now(UTC) + timedelta(days=2))).facts["runs"] == 1
    assert published.execute("SELECT finished_at <= now() FROM ops.pipeline_runs") == [(True,)]


def test_the_time_of_the_store_is_its_own_and_without_one_nothing_is_old(context: TaskContext, s3: S3Access) -> None:
    found = store_time(context.settings.s3, s3.bucket_raw)
    assert abs(found - datetime.now(UTC)) < timedelta(minutes=5)
    listing = b"<ListBucketResult><Name>b</Name></ListBucketResult>"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n" % len(listing)
    for date_line in (b"", b"Date: soon\r\n"):
        with http_vendor([Reply(sent=head + date_line + b"\r\n" + listing)]) as store:
            settings = context.settings.s3.model_copy(update={"endpoint_url": store.url})
            assert store_time(settings, s3.bucket_raw) == datetime(1970, 1, 1, tzinfo=UTC)


def test_copies_of_replaced_partitions_are_removed_when_no_manifest_describes_them(
    context: TaskContext, s3: S3Access, in_two_days: TaskContext
) -> None:
    landed, killed = days_before(2), days_before(3)
    described = "5" * 64
    land(s3, landed, sha256=described)
    needed = history_key("retailer_1", landed, described)
    unused = [history_key("retailer_1", landed, "6" * 64), history_key("retailer_2", killed, "7" * 64)]
    for key in (needed, *unused):
        s3.client.put_object(Bucket=s3.bucket_raw, Key=key, Body=b"{}")

    young = remove_orphans(replace(context, clock=lambda: datetime.now(UTC))).as_dict()
    old = remove_orphans(in_two_days).as_dict()

    assert young["copies"] == []
    assert old["copies"] == [f"s3://{s3.bucket_raw}/{key}" for key in unused]
    left = s3.client.list_objects_v2(Bucket=s3.bucket_raw, Prefix="raw_history/")["Contents"]
    assert [each["Key"] for each in left] == [needed]


def test_a_dead_run_is_closed_with_words_and_a_live_one_is_not(context: TaskContext, published: PublishedDays) -> None:
    open_run(published, timedelta(hours=25))
    open_run(published, timedelta(hours=23))
    remove_orphans(context)
    runs = published.execute("SELECT status, finished_at, message FROM ops.pipeline_runs ORDER BY started_at")
    assert runs[0][:2] == ("failed", NOW)
    assert "It was killed" in runs[0][2]
    assert runs[1] == ("running", None, None)


def test_months_under_construction_are_not_orphans(
    context: TaskContext, published: PublishedDays, warehouse: WarehouseAccess
) -> None:
    with psycopg2.connect(warehouse.loader_dsn) as building, building.cursor() as cursor:
        cursor.execute("SELECT ops.enter_build('retailer_1')")
        published.execute("SELECT ops.create_fact_build('2024-01-01', 17)")
        assert remove_orphans(context).facts["builds"] == []
    building.close()
    assert remove_orphans(context).facts["builds"] == ["fact_sales_2024_01_build_17"]


# Partitions and statistics -------------------------------------------------------------------------------------------


def test_three_months_ahead_are_made_once_and_a_year_of_days(context: TaskContext, published: PublishedDays) -> None:
    made = together(lambda: create_partitions(context), lambda: create_partitions(context))
    assert sorted({name for each in made for name in each.facts["made"]}) == [
        f"fact_sales_2024_0{month}" for month in (2, 3, 4, 5)
    ]
    assert create_partitions(context).facts == {"made": [], "until": "2024-05"}
    assert published.execute("SELECT count(*) FROM dim_date WHERE full_date = '2025-03-01'") == [(1,)]


def test_months_are_made_in_the_gap_between_loads_and_loads_never_queue_for_long(
    context: TaskContext, warehouse: WarehouseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_WAIT_SECONDS", 0.05)
    load = psycopg2.connect(warehouse.loader_dsn)
    load.cursor().execute("SELECT ops.enter_load('retailer_1')")
    pauses: list[float] = []

    def load_ends(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            load.close()

    assert len(create_partitions(context, sleep=load_ends).facts["made"]) == 4
    assert len(pauses) == 3


def test_when_loads_never_end_the_months_wait_for_another_day(
    context: TaskContext, warehouse: WarehouseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_WAIT_SECONDS", 0.02)
    load = psycopg2.connect(warehouse.loader_dsn)
    load.cursor().execute("SELECT ops.enter_load('retailer_1')")
    with pytest.raises(RetryLater, match=r"2024-02 was not created: loads held the lock all the time\. Run this again"):
        create_partitions(context, sleep=lambda _: None)
    load.close()


def test_tables_that_have_grown_are_analyzed(context: TaskContext, published: PublishedDays) -> None:
    published.publish(YESTERDAY)
    assert "fact_sales_2024_02" in refresh_statistics(context).facts["analyzed"]
    assert refresh_statistics(context).facts["analyzed"] == []


# Gaps ----------------------------------------------------------------------------------------------------------------


def test_gaps_are_counted_from_the_first_load_and_never_for_who_was_never_loaded(
    context: TaskContext, published: PublishedDays, warehouse: WarehouseAccess
) -> None:
    for number in (5, 3, 2):
        published.publish(days_before(number))
    with session(warehouse.reader_dsn, application_name="test") as connection:
        everyone = {"retailer_1": None, "retailer_2": None}
        found = find_gaps(connection, None, YESTERDAY, everyone)
        assert found == [Gap("retailer_1", days_before(number)) for number in (4, 1, 0)]
        since = find_gaps(connection, days_before(6), days_before(4), everyone)
        assert since == [Gap("retailer_1", days_before(6)), Gap("retailer_1", days_before(4))]


def test_an_old_date_loaded_for_itself_opens_no_gap_and_a_long_outage_is_one(
    published: PublishedDays, warehouse: WarehouseAccess
) -> None:
    published.publish(date(2023, 6, 1))
    with session(warehouse.reader_dsn, application_name="test") as connection:
        assert len(find_recent_gaps(connection, YESTERDAY, 5, {"retailer_1": None})) == 5
        started = {"retailer_1": days_before(1)}
        assert len(find_recent_gaps(connection, YESTERDAY, 5, started)) == 2, "none before its start date"
        assert find_gaps(connection, None, date(2024, 1, 1), started) == []
        published.publish(days_before(2))
        recent = find_recent_gaps(connection, YESTERDAY, 5, {"retailer_1": None})
        assert recent == [Gap("retailer_1", days_before(1)), Gap("retailer_1", YESTERDAY)]


def test_a_missing_range_is_one_alert_which_is_resolved_when_its_date_is_loaded(
    context: TaskContext, published: PublishedDays
) -> None:
    published.publish_all(days_before(4))
    for number in (3, 0):
        published.publish(days_before(number), "retailer_1")
    for number in (3, 2, 1, 0):
        published.publish(days_before(number), "retailer_3")

    first = together(lambda: watch_gaps(context), lambda: watch_gaps(context))[0]

    assert first.facts["gaps"] == {
        "retailer_1": ["2024-02-07", "2024-02-08"],
        "retailer_2": ["2024-02-06", "2024-02-07", "2024-02-08", "2024-02-09"],
    }
    assert sorted(published.execute(ALERTS)) == [
        (
            "retailer_1",
            days_before(2),
            "open",
            "error",
            "retailer_1 has no data for 2024-02-07 to 2024-02-08 (2 dates)",
        ),
        (
            "retailer_2",
            days_before(3),
            "open",
            "error",
            "retailer_2 has no data for 2024-02-06 to 2024-02-09 (4 dates)",
        ),
    ]
    watch_gaps(context, days=2)
    assert len(published.execute(ALERTS)) == 2, (
        "a long outage keeps its alert although fewer of its dates are looked at"
    )
    published.publish(days_before(2), "retailer_1")
    published.publish(days_before(1), "retailer_1")
    assert watch_gaps(context).facts["resolved"] == 1
    assert [each[:3] for each in sorted(published.execute(ALERTS))] == [
        ("retailer_1", days_before(2), "resolved"),
        ("retailer_2", days_before(3), "open"),
    ]


@pytest.mark.parametrize(
    "change", [None, "enabled: false", "schedule: manual", "start_date: 2024-02-10"], ids=lambda each: each or "removed"
)
def test_a_source_that_no_run_reads_any_more_has_no_gaps_and_its_alerts_are_resolved(
    context: TaskContext, published: PublishedDays, tmp_path: Path, change: str | None
) -> None:
    definition = write_source(tmp_path, "retailer_1")
    published.publish(days_before(2), "retailer_1")
    assert watch_gaps(with_sources(context, tmp_path)).facts["alerts"] == 1

    if change:
        write_source(tmp_path, "retailer_1", change)
    else:
        definition.unlink()
    done = watch_gaps(with_sources(context, tmp_path))

    assert (done.summary, done.facts["resolved"]) == ("no date is missing", 1)
    assert [each[2] for each in published.execute(ALERTS)] == ["resolved"]


def test_a_definition_with_an_error_keeps_its_gaps(
    context: TaskContext, published: PublishedDays, tmp_path: Path
) -> None:
    write_source(tmp_path, "retailer_1", "no_such_key: 1")
    published.publish(days_before(2), "retailer_1")

    assert watch_gaps(with_sources(context, tmp_path)).facts["gaps"] == {"retailer_1": ["2024-02-08", "2024-02-09"]}


def with_sources(context: TaskContext, directory: Path) -> TaskContext:
    settings = context.settings.model_copy(update={"sources": load_sources({}, directory)})
    return replace(context, settings=settings)


# From the shell ------------------------------------------------------------------------------------------------------


def test_each_task_runs_from_the_command_line_and_prints_json(
    context: TaskContext, warehouse: WarehouseAccess, s3: S3Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn}.items():
        monkeypatch.setenv(name, value)
    for task in ("orphans", "partitions", "statistics", "gaps"):
        result = CliRunner().invoke(app, [task, "--json"])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["ok"] is True
