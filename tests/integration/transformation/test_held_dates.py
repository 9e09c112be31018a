"""Dates that fail a critical check: held by every load path, never visible, and never in the way of other dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data_quality.publication_gate import GATE
from local_stack.databases import WarehouseAccess
from tests.fakes.held_dates import land_too_few, polling_reader
from tests.fakes.raw_zone import DAY, record
from tests.integration.transformation.test_load_paths import NEXT_DAY, Loader
from transformation.load.plan import LoadPath
from transformation.load.result import LoadResult

THIRD_DAY = NEXT_DAY + timedelta(days=1)
LINES = "SELECT date_key, count(*), sum(net_amount) FROM fact_sales GROUP BY date_key ORDER BY date_key"
HELD = "SELECT business_date, status, published_load_id FROM ops.held_loads ORDER BY held_load_id"


class GatedLoader(Loader):
    """Loads with the checks as their gate, as every command does."""

    def load(
        self, *days: date, path: LoadPath | None = None, retailer_id: str = "retailer_1", **options: Any
    ) -> LoadResult:
        gated = {"gate": GATE, "requested": days or (DAY,), **options}
        return super().load(*days, path=path, retailer_id=retailer_id, **gated)

    def decide(self, status: str, number: int = 1) -> None:
        """What `retail held approve` and `discard` write."""
        self.rows(
            "UPDATE ops.held_loads SET status = %s, decided_by = 'ann', reason = 'Seen', decided_at = now()"
            " WHERE held_load_id = %s RETURNING 1",
            (status, number),
        )


@pytest.fixture(params=[LoadPath.MERGE, LoadPath.BUILD])
def loader(request: pytest.FixtureRequest, warehouse: WarehouseAccess, tmp_path: Path) -> GatedLoader:
    return GatedLoader(warehouse, tmp_path, request.param)


def test_a_date_that_fails_a_critical_check_is_never_visible_and_the_others_are_published(loader: GatedLoader) -> None:
    loader.land(record("1"), day=DAY)
    loader.load()
    land_too_few(loader.zone, record("1", qty=5), record("2"), day=DAY)
    loader.land(record("1", transaction="T2", day=NEXT_DAY), day=NEXT_DAY)
    land_too_few(loader.zone, record("1", transaction="T3", day=THIRD_DAY), day=THIRD_DAY)
    with polling_reader(loader.access.reader_dsn, "SELECT date_key, line_id, quantity FROM fact_sales") as seen:
        result = loader.load(DAY, NEXT_DAY, THIRD_DAY)
    assert {(key, line, int(quantity)) for key, line, quantity in seen} <= {(20240115, "1", 2), (20240116, "1", 2)}
    assert [entry.business_date for entry in result.entries] == [NEXT_DAY]
    assert [(each.business_date, each.failed) for each in result.held] == [
        (DAY, ("rows_match_report",)),
        (THIRD_DAY, ("rows_match_report",)),
    ]
    assert [row[:2] for row in loader.rows(LINES)] == [(20240115, 1), (20240116, 1)]
    assert loader.rows(HELD) == [(DAY, "waiting", None), (THIRD_DAY, "waiting", None)]
    ((checks,),) = loader.rows("SELECT failed_checks FROM ops.held_loads WHERE held_load_id = 1")
    assert [(each["check"], each["expected"], each["actual"]) for each in checks] == [("rows_match_report", "3", "2")]
    assert loader.rows("SELECT count(*) FROM ops.data_quality_results WHERE status = 'fail'") == [(2,)]
    assert loader.rows("SELECT last_processed_date FROM pipeline_metadata") == [(NEXT_DAY,)]


def test_the_same_content_again_stays_held_with_one_alert(loader: GatedLoader) -> None:
    land_too_few(loader.zone, record("1"))
    for _ in range(2):
        result = loader.load()
        assert (result.load_id, result.entries, len(result.held)) == (0, (), 1)
    assert loader.rows(HELD) == [(DAY, "waiting", None)]
    assert loader.rows("SELECT kind, status, count(*) FROM ops.alerts GROUP BY kind, status") == [
        ("load_held", "open", 1)
    ]
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(0,)]


def test_other_dates_of_a_later_load_are_published_without_trying_the_held_one_again(loader: GatedLoader) -> None:
    land_too_few(loader.zone, record("1"))
    loader.load()
    loader.land(record("1", transaction="T2", day=NEXT_DAY), day=NEXT_DAY)
    result = loader.load(DAY, NEXT_DAY, requested=(NEXT_DAY,))
    assert [entry.business_date for entry in result.entries] == [NEXT_DAY]
    assert [(each.business_date, each.is_known) for each in result.held] == [(DAY, True)]
    assert loader.rows("SELECT count(*) FROM ops.data_quality_results WHERE check_name = 'rows_match_report'") == [(1,)]


def test_approved_content_is_published_although_the_check_fails(loader: GatedLoader) -> None:
    land_too_few(loader.zone, record("1"))
    loader.load()
    loader.decide("approved")
    result = loader.load()
    assert (result.held, loader.rows("SELECT count(*) FROM fact_sales")) == ((), [(1,)])
    assert loader.rows(HELD) == [(DAY, "approved", result.load_id)]


def test_an_approval_is_about_exactly_the_landed_content(loader: GatedLoader) -> None:
    land_too_few(loader.zone, record("1"))
    loader.load()
    loader.decide("approved")
    land_too_few(loader.zone, record("1", qty=9))
    assert [each.business_date for each in loader.load().held] == [DAY]
    assert loader.rows(HELD) == [(DAY, "approved", None), (DAY, "waiting", None)]


def test_discarded_content_is_not_tried_again_until_the_source_has_other_content(loader: GatedLoader) -> None:
    loader.land(record("1"))
    loader.load()
    land_too_few(loader.zone, record("1", qty=7))
    loader.load()
    loader.decide("discarded")
    before = loader.rows("SELECT count(*) FROM ops.data_quality_results")
    for requested in ((DAY,), None):
        assert [(each.is_discarded, each.failed) for each in loader.load(requested=requested).held] == [
            (True, ("rows_match_report",))
        ]
    assert loader.rows("SELECT quantity FROM fact_sales") == [(2,)]
    assert loader.rows("SELECT count(*) FROM ops.data_quality_results") == before
    loader.land(record("1", qty=8))
    assert loader.load().held == ()
    assert loader.rows("SELECT quantity FROM fact_sales") == [(8,)]


@pytest.mark.parametrize("passes", [True, False])
def test_other_content_supersedes_what_waits(loader: GatedLoader, passes: bool) -> None:
    land_too_few(loader.zone, record("1"))
    loader.load()
    if passes:
        loader.land(record("1", qty=3))
    else:
        land_too_few(loader.zone, record("1", qty=3))
    loader.load()
    expected = [(DAY, "superseded", None)] + ([] if passes else [(DAY, "waiting", None)])
    assert loader.rows(HELD) == expected


def test_a_source_that_takes_its_correction_back_leaves_nothing_waiting(loader: GatedLoader) -> None:
    loader.path = LoadPath.AUTO
    loader.land(record("1"))
    loader.load()
    land_too_few(loader.zone, record("1", qty=7))
    loader.load()
    loader.land(record("1"))
    assert loader.load().plan.unchanged == (DAY,)
    assert loader.rows(HELD) == [(DAY, "superseded", None)]


def test_the_same_records_in_another_order_are_the_same_content(loader: GatedLoader) -> None:
    land_too_few(loader.zone, record("1"), record("2"))
    loader.load()
    loader.decide("discarded")
    land_too_few(loader.zone, record("2"), record("1"))
    assert [each.is_discarded for each in loader.load().held] == [True]
    assert loader.rows(HELD) == [(DAY, "discarded", None)]


def test_a_correction_that_ends_a_customer_version_passes_the_check_of_histories(loader: GatedLoader) -> None:
    loader.land(record("1"), day=DAY)
    moved = {"customer_since": datetime(2024, 1, 10, tzinfo=UTC), "customer_segment": "silver"}
    loader.land(record("1", transaction="T2", day=NEXT_DAY, **moved), day=NEXT_DAY)
    loader.load(DAY, NEXT_DAY)
    assert loader.rows("SELECT count(*) FROM dim_customer WHERE customer_id = 'C1'") == [(2,)]
    loader.land(record("1", transaction="T2", day=NEXT_DAY), day=NEXT_DAY)
    assert loader.load(NEXT_DAY).held == ()
    assert loader.rows("SELECT count(*) FROM dim_customer WHERE customer_id = 'C1'") == [(1,)]
