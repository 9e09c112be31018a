"""Refreshing views: with concurrent readers, during another refresh, in the run history, and on failure."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from datetime import date

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from materialized_views import refresh_views
from materialized_views.catalog import view_definitions
from materialized_views.refresh_views import RefreshResult, run
from shared.errors import FixConfiguration, RetryLater, StopRun
from tests.copied_process import run_module, run_new
from tests.fakes.published_days import PublishedDays, warehouse_settings
from tests.waiting import wait_until

VIEWS = tuple(view_definitions())
DAY = date(2024, 1, 15)
ONE_VIEW = "SELECT ops.refresh_materialized_view('mv_daily_sales_summary')"


@pytest.fixture
def days(warehouse: WarehouseAccess) -> PublishedDays:
    published = PublishedDays(warehouse.owner_dsn)
    published.publish_all(DAY)
    return published


def refresh(warehouse: WarehouseAccess, run_id: str = "run-1") -> RefreshResult:
    return run(settings=warehouse_settings(warehouse.loader_dsn), run_id=run_id)


def test_every_view_is_refreshed_and_counted(warehouse: WarehouseAccess, days: PublishedDays) -> None:
    result = refresh(warehouse)
    assert [view.view for view in result.views] == list(VIEWS)
    for view in result.views:
        assert days.execute(f"SELECT count(*) FROM {view.view}") == [(view.rows,)]
        assert view.rows > 0
    assert [view["view"] for view in json.loads(json.dumps(result.as_dict()))["views"]] == list(VIEWS)


def test_an_empty_warehouse_refreshes_to_empty_views(warehouse: WarehouseAccess) -> None:
    assert {view.rows for view in refresh(warehouse).views} == {0}


def test_the_run_is_booked_under_the_date_of_its_other_stages(warehouse: WarehouseAccess, days: PublishedDays) -> None:
    days.execute(
        "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at)"
        " VALUES ('run-1', 'transform', '2024-01-14', 'succeeded', now())"
    )
    refresh(warehouse, "run-1")
    refresh(warehouse, "run-2")
    booked = days.execute(
        "SELECT run_id, business_date, status, details FROM ops.pipeline_runs WHERE stage = 'refresh'"
    )
    assert [row[:3] for row in booked] == [("run-1", date(2024, 1, 14), "succeeded"), ("run-2", DAY, "succeeded")]
    assert len(booked[0][3]["views"]) == len(VIEWS)


def test_a_reader_in_the_middle_of_a_query_does_not_stop_a_refresh(
    warehouse: WarehouseAccess, days: PublishedDays
) -> None:
    refresh(warehouse)
    with psycopg2.connect(warehouse.reader_dsn) as reader, reader.cursor() as cursor:
        for view in VIEWS:
            cursor.execute(f"SELECT count(*) FROM {view}")  # holds its lock until the transaction ends
        days.publish(date(2024, 1, 14))
        assert {view.view: view.rows for view in refresh(warehouse).views}["mv_daily_sales_summary"] == 4


def test_a_refresh_waits_for_another_one_of_the_same_view(warehouse: WarehouseAccess, days: PublishedDays) -> None:
    other = psycopg2.connect(warehouse.loader_dsn)
    cursor = other.cursor()
    cursor.execute(ONE_VIEW)
    results: list[RefreshResult] = []
    second = threading.Thread(target=lambda: results.append(refresh(warehouse)))
    second.start()
    wait_until(lambda: days.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0] > 0, 20, every=0.02)
    assert results == []
    other.commit()
    second.join(20)
    other.close()
    assert len(results) == 1


def test_a_refresh_gives_up_waiting_in_the_end(
    warehouse: WarehouseAccess, days: PublishedDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh_views, "LOCK_TIMEOUT", "100ms")
    with psycopg2.connect(warehouse.loader_dsn) as other, other.cursor() as cursor:
        cursor.execute(ONE_VIEW)
        with pytest.raises(
            RetryLater, match=r"mv_daily_sales_summary has been locked for 100ms: .* is held by retail_user \(pid"
        ):
            refresh(warehouse)
    assert days.execute("SELECT status FROM ops.pipeline_runs WHERE stage = 'refresh'") == [("failed",)]


def test_filling_an_empty_view_does_not_wait_for_an_idle_reader(
    warehouse: WarehouseAccess, days: PublishedDays
) -> None:
    with psycopg2.connect(warehouse.reader_dsn) as idle, idle.cursor() as cursor:
        for view in VIEWS:
            cursor.execute(f"SELECT count(*) FROM {view}")
            assert cursor.fetchone() == (0,)
        assert all(view.rows > 0 for view in refresh(warehouse).views)


def test_a_view_that_fails_leaves_those_before_it_new(warehouse: WarehouseAccess, days: PublishedDays) -> None:
    days.execute("DROP MATERIALIZED VIEW mv_monthly_sales_by_category")
    with pytest.raises((FixConfiguration, StopRun), match="mv_monthly_sales_by_category"):
        refresh(warehouse)
    assert days.execute("SELECT count(*) FROM mv_daily_sales_summary") == [(3,)]
    assert days.execute("SELECT count(*) FROM mv_top_products_by_revenue") == [(0,)]


def command(dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module("materialized_views.refresh_views", *arguments, environment=command_environment(dsn))


def command_environment(dsn: str) -> dict[str, str]:
    environment = {"WAREHOUSE_DSN": dsn, "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
    return {"PATH": os.environ["PATH"], **environment}


def test_the_command_prints_a_table(warehouse: WarehouseAccess, days: PublishedDays) -> None:
    environment = command_environment(warehouse.loader_dsn)
    for done in (
        command(warehouse.loader_dsn),
        run_new("materialized_views", "refresh_views.py", environment=environment),
    ):
        assert done.returncode == 0, done.stderr
        for view in VIEWS:
            assert view in done.stdout


def test_the_command_prints_json(warehouse: WarehouseAccess, days: PublishedDays) -> None:
    done = command(warehouse.loader_dsn, "--json")
    assert [view["view"] for view in json.loads(done.stdout)["views"]] == list(VIEWS)


def test_a_database_without_a_schema_is_one_line_that_says_what_to_run(database: str) -> None:
    done = command(database)
    assert done.returncode == 2
    assert "python -m shared.migrations" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_role_that_may_not_refresh_is_one_line(warehouse: WarehouseAccess) -> None:
    done = command(warehouse.reader_dsn)
    assert done.returncode == 2
    assert "retail_user" in done.stderr
    assert "Traceback" not in done.stderr
