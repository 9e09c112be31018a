"""`retail gaps` on a real warehouse; a fake of Airflow's REST API over real HTTP, with a load behind each run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

import cli.run_monitor
from cli.gaps import gaps
from local_stack.databases import WarehouseAccess
from tests.conftest import S3Access
from tests.fakes.airflow_api import FakeAirflow, fake_airflow
from tests.fakes.published_days import PublishedDays
from tests.fakes.source_definitions import write_source

RANGE = ("--from", "2024-02-01", "--to", "2024-02-05")


def retail(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(gaps)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def published(warehouse: WarehouseAccess, s3: S3Access, monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishedDays]:
    for name, value in {**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cli.run_monitor, "POLL_SECONDS", 0.0)
    days = PublishedDays(warehouse.owner_dsn)
    yield days
    days.close()


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAirflow]:
    fake = FakeAirflow()
    with fake_airflow(fake) as vendor:
        for name, value in {"URL": vendor.url, "USERNAME": "admin", "PASSWORD": "pw"}.items():
            monkeypatch.setenv(f"AIRFLOW_{name}", value)
        yield fake


def test_a_warehouse_without_loads_has_no_gaps(published: PublishedDays) -> None:
    assert (retail().exit_code, retail(*RANGE).output) == (0, "No business date is missing up to 2024-02-05.\n")


def test_missing_dates_are_listed_as_ranges_and_end_with_1(published: PublishedDays) -> None:
    published.publish(date(2024, 2, 1))
    published.publish(date(2024, 2, 4))
    shown = retail("--to", "2024-02-05")
    assert shown.exit_code == 1
    assert "2024-02-02 to 2024-02-03 (2 dates)" in shown.output
    assert "To fill them: retail gaps --fill" in shown.stderr
    facts = json.loads(retail(*RANGE, "--json").stdout)
    assert facts["gaps"] == {"retailer_1": ["2024-02-02", "2024-02-03", "2024-02-05"]}
    assert retail(*RANGE, "--retailer", "retailer_2").exit_code == 0


def test_only_scheduled_sources_have_gaps(
    published: PublishedDays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, line in {"retailer_1": "start_date: 2024-02-03", "retailer_2": "schedule: manual"}.items():
        write_source(tmp_path, name, line)
    monkeypatch.setenv("SOURCES_DIRECTORY", str(tmp_path))
    published.publish_all(date(2024, 2, 1))

    facts = json.loads(retail("--to", "2024-02-05", "--json").stdout)
    assert facts["gaps"] == {"retailer_1": ["2024-02-03", "2024-02-04", "2024-02-05"]}
    manual, removed = (retail("--retailer", name) for name in ("retailer_2", "retailer_3"))
    assert (manual.exit_code, removed.exit_code) == (2, 2)
    assert "retailer_2 is disabled or manual: no scheduled run reads it" in manual.stderr
    assert "Unknown retailer: retailer_3" in removed.stderr


def test_gaps_are_filled_through_airflow_a_run_a_date_oldest_first(
    published: PublishedDays, airflow: FakeAirflow
) -> None:
    published.publish_all(date(2024, 2, 1))
    published.publish(date(2024, 2, 3), "retailer_1")
    loaded: set[tuple[str, str]] = {("retailer_1", "2024-02-03")}

    def load(fake: FakeAirflow) -> None:
        for run in fake.runs:
            for name in ("retailer_1", "retailer_2", "retailer_3"):
                if (name, day := run["conf"]["date"]) not in loaded:
                    published.publish(date.fromisoformat(day), name)
                    loaded.add((name, day))
            run["state"] = "success"

    airflow.on_poll = load
    shown = retail("--to", "2024-02-03", "--fill")
    assert shown.exit_code == 0, shown.output
    assert "2 dates run; none missing." in shown.output
    assert [body["conf"] for body in airflow.posted] == [
        {"date": "2024-02-02", "only_this_date": True},
        {"date": "2024-02-03", "only_this_date": True},
    ]


def test_what_is_missing_still_is_named_with_the_reason(published: PublishedDays, airflow: FakeAirflow) -> None:
    published.publish(date(2024, 2, 1))

    def fail(fake: FakeAirflow) -> None:
        for run in fake.runs:
            run["state"] = "failed"

    airflow.on_poll = fail
    shown = retail("--to", "2024-02-02", "--fill")
    assert shown.exit_code == 1
    assert "none of its tasks failed: the run was ended manually" in shown.output
    assert "These are still missing. To see why: retail schedule runs" in shown.stderr


def test_a_range_that_ends_before_it_begins_is_rejected(published: PublishedDays, airflow: Any) -> None:
    shown = retail("--from", "2024-02-05", "--to", "2024-02-01")
    assert (shown.exit_code, shown.stderr) == (
        2,
        "--from 2024-02-05 is after --to 2024-02-01. Give the earlier date first.\n",
    )
