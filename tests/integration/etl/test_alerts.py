"""A load of files that stops before its checks, or fails to refresh the views, is an alert until a load succeeds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import FixConfiguration, RetailError
from tests.integration.etl.conftest import FIRST, RETAILER, Platform, sales, write

LOAD = ("task_failed", "load_files", RETAILER, None, "error")
VIEWS = ("task_failed", "refresh_materialized_views", None, None, "error")


def alerts(platform: Platform) -> list[tuple[Any, ...]]:
    return platform.query(
        "SELECT kind, task_id, retailer_id, business_date, severity, status FROM ops.alerts ORDER BY alert_id"
    )


def not_there(platform: Platform, directory: Path) -> None:
    platform.load(directory / "not-there.csv")


def unreadable(platform: Platform, directory: Path) -> None:
    path = directory / "cut-off.csv.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00 no more")
    platform.load(path)


def too_many_rejects(platform: Platform, directory: Path) -> None:
    broken = [("536365", "85123A", "LANTERN", "many", "1/4/2011 8:26", "2.55", "17850", "France")]
    platform.load(write(directory / "sales.csv", [*sales(1), *broken * 9]))


def overlapping(platform: Platform, directory: Path) -> None:
    platform.load(write(directory / "other-name.csv", sales(2, 3)))


@pytest.mark.parametrize("load", [not_there, unreadable, too_many_rejects, overlapping])
def test_a_load_that_stops_before_its_checks_is_an_alert_of_its_source_until_one_succeeds(
    platform: Platform, tmp_path: Path, load: Any
) -> None:
    good = write(tmp_path / "good.csv", sales(2))
    platform.load(good, refresh=False)
    for occurrences in (1, 2):
        with pytest.raises(RetailError) as stopped:
            load(platform, tmp_path)
        assert alerts(platform) == [(*LOAD, "open")]
        ((summary, detail, run_id, counted),) = platform.query(
            "SELECT summary, detail, run_id, occurrences FROM ops.alerts"
        )
        assert (summary, run_id) == (f"A file of {RETAILER} was not loaded", f"etl-{platform.runs}")
        assert detail.startswith(str(stopped.value))
        assert "What to do: " in detail
        assert counted == occurrences

    platform.load(good, refresh=False)  # it has nothing new
    assert alerts(platform) == [(*LOAD, "resolved")]


def test_a_load_of_dates_that_its_source_does_not_have_is_kept_as_a_failed_run(
    platform: Platform, tmp_path: Path
) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / f"{RETAILER}.yaml").write_text(
        f"id: {RETAILER}\nname: Shop\ncountry: France\nconnector: somewhere.files:Reader\nschedule: manual\n"
        f"start_date: {FIRST + timedelta(days=1)}\ntime_zone: Europe/London\ncurrencies: [GBP]\n"
        'connection: {url: "https://shop.example"}\n',
        encoding="utf-8",
    )
    platform.extra["SOURCES_DIRECTORY"] = str(sources)
    with pytest.raises(FixConfiguration, match="`start_date`"):
        platform.load(write(tmp_path / "sales.csv", sales(2)))
    assert alerts(platform) == [(*LOAD, "open")]
    runs = platform.query("SELECT stage, business_date, status, message FROM ops.pipeline_runs")
    assert [run[:3] for run in runs] == [("ingest", FIRST + timedelta(days=1), "failed")]
    assert "`start_date`" in runs[0][3]


def test_a_dry_run_and_a_mistake_in_the_command_raise_no_alert(platform: Platform, tmp_path: Path) -> None:
    with pytest.raises(RetailError):
        platform.load(tmp_path / "not-there.csv", dry_run=True)
    with pytest.raises(FixConfiguration):
        platform.load(write(tmp_path / "sales.csv", sales(1)), layout="no_such_layout")
    assert alerts(platform) == []


def test_views_that_a_load_could_not_refresh_are_an_alert_until_somebody_refreshes_them(
    platform: Platform, tmp_path: Path
) -> None:
    platform.query("ALTER MATERIALIZED VIEW mv_daily_sales_summary RENAME TO moved_away")
    with pytest.raises(RetailError, match="mv_daily_sales_summary"):
        platform.load(write(tmp_path / "sales.csv", sales(1)))
    assert platform.facts()[0] > 0
    assert alerts(platform) == [(*VIEWS, "open")]
    assert platform.retail("refresh").returncode != 0
    assert alerts(platform) == [(*VIEWS, "open")]

    platform.query("ALTER MATERIALIZED VIEW moved_away RENAME TO mv_daily_sales_summary")
    assert platform.retail("refresh").returncode == 0
    assert alerts(platform) == [(*VIEWS, "resolved")]
