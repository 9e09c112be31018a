"""A single stage that fails as a command is the same alert as in a run, until what it says is fixed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from local_stack.postgres import free_port
from monitoring.alerts.outcomes import REFRESH_TASK
from pipeline.stages import REFRESH
from tests.fakes.receivers import http_sink

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess
    from tests.fakes.vendors import Vendor
    from tests.integration.cli.conftest import Retail
    from tests.integration.ingestion.conftest import Platform

DAY = "2024-01-17"
ONLY_2 = ("--retailer", "retailer_2")


def alerts(platform: Platform) -> list[tuple[Any, ...]]:
    return platform.query("SELECT kind, retailer_id, business_date::text, status FROM ops.alerts ORDER BY 1, 2")


@pytest.mark.long
def test_a_retailer_that_is_not_landed_is_missing_until_its_date_is_transformed(
    platform: Platform, vendors: dict[str, Vendor], retail: Retail
) -> None:
    vendors["retailer_2"].faults("down")
    environment = {**platform.environment, "INGEST_MAX_ATTEMPTS": "2"}
    assert retail(environment, "ingest", DAY).returncode == 1
    assert alerts(platform) == [("missing_data", "retailer_2", DAY, "open")]
    ((detail,),) = platform.query("SELECT detail FROM ops.alerts")
    assert detail.startswith("retailer_2 at 127.0.0.1")
    assert f"What to do: remove the cause, then run: retail run {DAY}" in detail

    vendors["retailer_2"].behave()
    assert retail(environment, "ingest", DAY, *ONLY_2).returncode == 0
    assert alerts(platform) == [("missing_data", "retailer_2", DAY, "open")]
    assert retail(environment, "transform", DAY, *ONLY_2).returncode == 0
    assert alerts(platform) == [("missing_data", "retailer_2", DAY, "resolved")]

    vendors["retailer_2"].faults("down")
    assert retail(environment, "ingest", DAY, *ONLY_2).returncode == 1  # the date is published
    assert alerts(platform) == [("missing_data", "retailer_2", DAY, "resolved")]


def test_what_all_retailers_need_makes_each_of_them_missing(platform: Platform, retail: Retail) -> None:
    done = retail({**platform.environment, "S3_BUCKET_RAW": "not-there"}, "ingest", DAY)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert alerts(platform) == [("missing_data", f"retailer_{number}", DAY, "open") for number in (1, 2, 3)]


@pytest.mark.parametrize("command", ["run", "ingest"])
def test_without_a_warehouse_one_message_is_sent_although_it_cannot_be_stored(
    platform: Platform, retail: Retail, command: str
) -> None:
    nowhere = f"postgresql://nobody:x@127.0.0.1:{free_port()}/none"
    with http_sink() as sink:
        channels = {"WAREHOUSE_DSN": nowhere, "ALERT_CHANNELS": f"json://{sink.host}/hook"}
        assert retail({**platform.environment, **channels}, command, DAY).returncode == 1
        titles = [body["title"] for body in sink.bodies]
    assert titles == [f"[ERROR] retailer_1 and 2 more sources have no data for {DAY}"]


def test_a_date_that_was_not_landed_is_missing_after_its_transformation(platform: Platform, retail: Retail) -> None:
    assert retail(platform.environment, "transform", DAY, *ONLY_2).returncode == 1
    assert alerts(platform) == [("missing_data", "retailer_2", DAY, "open")]


def test_a_mistake_in_a_command_raises_no_alert(platform: Platform, retail: Retail) -> None:
    for arguments in (
        ("ingest", DAY, "--retailer", "nobody"),
        ("transform", DAY, "--retailer", "nobody"),
        ("quality", DAY, "--retailer", "nobody"),
        ("quality", DAY),  # nothing is there to check
    ):
        assert retail(platform.environment, *arguments).returncode != 0
    assert alerts(platform) == []


@pytest.mark.parametrize(
    "command", [("quality", DAY), pytest.param(("run", DAY, "--only-this-date"), marks=pytest.mark.long)]
)
def test_a_date_that_could_not_be_checked_is_an_alert_until_it_passes(
    platform: Platform, warehouse: WarehouseAccess, retail: Retail, command: tuple[str, ...]
) -> None:
    assert retail(platform.environment, "run", DAY, "--only-this-date").returncode == 0
    assert alerts(platform) == []
    with without(warehouse, "TABLE ops.data_quality_scores"):
        assert retail(platform.environment, *command).returncode != 0
    assert alerts(platform) == [("quality_violation", None, DAY, "open")]
    ((summary, detail),) = platform.query("SELECT summary, detail FROM ops.alerts")
    assert summary == f"Quality check failed for {DAY}"
    assert "data_quality_scores" in detail

    assert retail(platform.environment, "quality", DAY).returncode == 0
    assert alerts(platform) == [("quality_violation", None, DAY, "resolved")]


@pytest.mark.parametrize(
    "command", [("refresh",), pytest.param(("run", DAY, "--only-this-date"), marks=pytest.mark.long)]
)
def test_views_that_are_not_refreshed_are_an_alert_until_any_command_refreshes_them(
    platform: Platform, warehouse: WarehouseAccess, retail: Retail, command: tuple[str, ...]
) -> None:
    assert REFRESH.task_id == REFRESH_TASK
    with without(warehouse, "MATERIALIZED VIEW mv_daily_sales_summary"):
        assert retail(platform.environment, *command).returncode != 0
    assert alerts(platform) == [("task_failed", None, None, "open")]

    assert retail(platform.environment, "run", DAY, "--only-this-date").returncode == 0
    assert alerts(platform) == [("task_failed", None, None, "resolved")]


@contextmanager
def without(warehouse: WarehouseAccess, what: str) -> Iterator[None]:
    """The warehouse without a table or view."""
    name = what.rpartition(".")[2].rpartition(" ")[2]
    rename(warehouse, f"ALTER {what} RENAME TO moved_away")
    yield
    rename(warehouse, f"ALTER {what.removesuffix(name)}moved_away RENAME TO {name}")


def rename(warehouse: WarehouseAccess, statement: str) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
