"""The first stage on a real warehouse: what it writes, and how it follows added, disabled and removed definitions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from local_stack.databases import WarehouseAccess
from monitoring.alerts import Alert, raise_alert
from pipeline.plan import run
from shared.database import session, transaction
from shared.errors import FixConfiguration
from shared.sources.registry import load_sources
from shared.sources.table import record_definitions
from tests.fakes.published_days import PublishedDays, warehouse_settings
from tests.fakes.pushgateway import pushgateway
from tests.fakes.source_definitions import write_source

DAY = date(2024, 1, 15)
SOURCES = "SELECT retailer_id, is_scheduled FROM ops.sources ORDER BY 1"
OPEN = "SELECT kind FROM ops.alerts WHERE retailer_id = 'outlet_shop' AND status = 'open' ORDER BY 1"


def now() -> datetime:
    return datetime(2024, 1, 16, 2, tzinfo=UTC)


@pytest.fixture
def days(warehouse: WarehouseAccess) -> Iterator[PublishedDays]:
    days = PublishedDays(warehouse.owner_dsn)
    days.execute("DELETE FROM ops.sources")
    yield days
    days.close()


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The groups of metrics that were deleted."""
    with pushgateway() as gateway:
        monkeypatch.setenv("PUSHGATEWAY_URL", gateway.url)
        yield gateway.deleted


def plan(warehouse: WarehouseAccess, directory: Path, run_id: str = "run-1") -> tuple[str, ...]:
    settings = warehouse_settings(warehouse.loader_dsn)
    settings = settings.model_copy(update={"sources": load_sources({}, directory)})
    return run(DAY, (), settings=settings, run_id=run_id, clock=now).sources


@pytest.mark.parametrize("how", ["disabled", "removed"])
def test_a_source_that_is_disabled_or_removed_leaves_no_alert_and_no_metrics(
    warehouse: WarehouseAccess, days: PublishedDays, deleted: list[str], tmp_path: Path, how: str
) -> None:
    write_source(tmp_path, "daily_shop")
    outlet = write_source(tmp_path, "outlet_shop")
    assert plan(warehouse, tmp_path) == ("daily_shop", "outlet_shop")
    assert days.execute(SOURCES) == [("daily_shop", True), ("outlet_shop", True)]
    for kind in ("missing_data", "task_failed", "quality_violation", "reconciliation"):
        alert = Alert(kind, "error", "x", "x", DAY, "outlet_shop", "dag", "run-1", "ingest")
        raise_alert(warehouse.loader_dsn, alert, clock=now, channels=[])
    plan(warehouse, tmp_path)
    assert (len(days.execute(OPEN)), deleted) == (4, [])

    if how == "disabled":
        write_source(tmp_path, "outlet_shop", "enabled: false")
    else:
        outlet.unlink()
    assert plan(warehouse, tmp_path, "run-2") == ("daily_shop",)

    assert days.execute(SOURCES) == [("daily_shop", True), ("outlet_shop", False)]
    assert days.execute(OPEN) == [("reconciliation",)], "its data stays, so it still has to add up"
    assert deleted == ["/retailer/outlet_shop/stage/ingest", "/retailer/outlet_shop/stage/transform"]
    assert days.execute("SELECT details -> 'sources' FROM ops.pipeline_runs WHERE run_id = 'run-2'") == [
        (["daily_shop"],)
    ]


def test_sources_of_files_manual_ones_and_those_with_an_error_are_left_alone(
    warehouse: WarehouseAccess, days: PublishedDays, deleted: list[str], tmp_path: Path
) -> None:
    days.execute(
        "INSERT INTO ops.sources (retailer_id, source_name, connector, is_scheduled, first_seen_at, changed_at)"
        " VALUES ('online_retail', 'x', 'files', false, now(), now()),"
        " ('wrong_shop', 'x', 'retailer1', true, now(), now())"
    )
    write_source(tmp_path, "manual_shop", "schedule: manual")
    write_source(tmp_path, "wrong_shop", "no_such_key: 1")

    assert plan(warehouse, tmp_path) == ("wrong_shop",)

    assert days.execute(SOURCES) == [("manual_shop", False), ("online_retail", False), ("wrong_shop", True)]
    assert deleted == []


def test_the_row_of_an_unchanged_definition_may_be_locked_by_a_load(
    warehouse: WarehouseAccess, days: PublishedDays, tmp_path: Path
) -> None:
    write_source(tmp_path, "daily_shop", "currencies: [USD, EUR]", "start_date: 2024-01-01")
    write_source(tmp_path, "outlet_shop")
    plan(warehouse, tmp_path)
    sources, changed = load_sources({}, tmp_path), "SELECT retailer_id FROM ops.sources WHERE changed_at > %s"
    with (
        session(warehouse.loader_dsn, application_name="load") as load,
        transaction(load) as loading,
        session(warehouse.loader_dsn, application_name="plan") as other,
    ):
        loading.execute("SELECT FROM ops.sources FOR UPDATE")
        with transaction(other) as cursor:
            cursor.execute("SET LOCAL lock_timeout = '1s'")
            record_definitions(cursor, sources, now() + timedelta(hours=1))
    assert days.execute(changed, (now(),)) == []

    write_source(tmp_path, "outlet_shop", "country: Brazil")
    with session(warehouse.loader_dsn, application_name="plan") as other, transaction(other) as cursor:
        record_definitions(cursor, load_sources({}, tmp_path), now() + timedelta(hours=1))
    assert days.execute(changed, (now(),)) == [("outlet_shop",)]


def test_without_any_definition_the_stage_fails_and_says_what_to_do(
    warehouse: WarehouseAccess, days: PublishedDays, tmp_path: Path
) -> None:
    with pytest.raises(FixConfiguration, match="There is no source in"):
        plan(warehouse, tmp_path)
    ((status, message),) = days.execute("SELECT status, message FROM ops.pipeline_runs")
    assert status == "failed"
    assert message.endswith("Add a file <id>.yaml to it (docs/SOURCES.md)")
