"""Dates that are not published, that are being loaded, or that were loaded in another way, are not faults."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import psycopg2
import pytest
import typer
from typer.testing import CliRunner

from cli.reconcile import reconcile as command
from pipeline.reconciliation import batch, landed
from pipeline.reconciliation.model import Hop, State
from shared.partitions import history_key, manifest_key, raw_key
from tests.fakes.raw_zone import record
from tests.integration.reconciliation.conftest import DAYS, FIRST, LOADED_AT, MAIN, NOW, Stores, records_of
from tests.integration.reconciliation.test_alerts import environment

app = typer.Typer()
app.command()(command)
LATER = LOADED_AT + timedelta(hours=3)


def state_of(stores: Stores, day: date = FIRST) -> tuple[State, tuple[str, ...]]:
    report = stores.reconcile(last=DAYS[-1] + timedelta(days=9), sources=[MAIN])
    found = next(each for each in report.dates if each.business_date == day)
    assert report.ok, report.as_dict()
    return found.state, found.notes


def test_a_version_that_was_landed_later_is_not_published_yet_and_does_not_count_as_a_fault(stores: Stores) -> None:
    stores.land(FIRST, records_of(FIRST)[2:], at=LATER)
    assert state_of(stores) == (State.NOT_PUBLISHED, ("landed at 2024-02-01 05:00 UTC, and not published",))

    stores.execute("UPDATE fact_sales SET product_key = 0 WHERE date_key = 20240116 AND retailer_key = 1")
    assert [each.business_date for each in stores.reconcile().differing] == [DAYS[1]]


def test_the_published_version_is_still_compared_with_the_ledger(stores: Stores) -> None:
    stores.land(FIRST, records_of(FIRST)[2:], at=LATER)
    stores.execute("DELETE FROM fact_sales WHERE date_key = 20240115 AND retailer_key = 1 AND line_id = '3'")
    (found,) = stores.reconcile().differing
    assert {each.hop for each in found.differences} == {Hop.FACTS}
    assert "according to the ledger" in found.differences[0].reason


def test_a_date_that_was_never_published_does_not_count_as_a_fault(object_stores: Stores) -> None:
    day = DAYS[-1] + timedelta(days=3)
    object_stores.land(day, [record(day=day)], at=LATER)
    assert state_of(object_stores, day)[0] is State.NOT_PUBLISHED


def test_what_a_killed_landing_left_does_not_count_as_a_fault(object_stores: Stores) -> None:
    """It has copied the version before, and replaced the object, but not the manifest."""
    manifest = json.loads(object_stores.read(object_stores.raw, manifest_key(MAIN, FIRST)))
    content = object_stores.read(object_stores.raw, raw_key(MAIN, FIRST))
    object_stores.put(object_stores.raw, history_key(MAIN, FIRST, manifest["sha256"]), content)
    object_stores.put(object_stores.raw, raw_key(MAIN, FIRST), content[: len(content) // 2])
    assert state_of(object_stores)[0] is State.EQUAL

    unfinished = DAYS[-1] + timedelta(days=5)
    object_stores.put(object_stores.raw, raw_key(MAIN, unfinished), content)
    state, (note,) = state_of(object_stores, unfinished)
    assert state is State.NOT_PUBLISHED
    assert "its object does not count" in note


def test_a_date_that_is_being_loaded_is_reported_as_such(stores: Stores) -> None:
    stores.execute("DELETE FROM fact_daily_sales WHERE date_key = 20240115 AND retailer_key = 1")
    with psycopg2.connect(stores.settings.warehouse_dsn.get_secret_value()) as load, load.cursor() as cursor:
        cursor.execute("SELECT ops.enter_load(%s)", (MAIN,))
        assert state_of(stores)[0] is State.BEING_LOADED
    load.close()
    assert not stores.reconcile().ok


def test_a_load_that_commits_while_the_stores_are_read_makes_no_difference(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The facts are read before the load, and the objects after it; then everything is read again."""
    read_objects, calls = landed.download, 0

    def download(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            stores.land(FIRST, records_of(FIRST)[2:], at=LATER)
            stores.load(FIRST, at=LATER)
        return read_objects(*arguments)

    monkeypatch.setattr(batch, "download", download)
    report = stores.reconcile(with_views=False, sources=[MAIN])
    assert report.ok, report.as_dict()
    assert calls == 2
    assert report.dates[0].state is State.EQUAL


def test_after_an_insert_only_load_the_facts_are_compared_with_the_ledger(stores: Stores) -> None:
    changed = [each if each.line_id != "3" else record("3", each.transaction_id, qty=2, price="2.45", changed_at=LATER)
               for each in records_of(FIRST)]  # fmt: skip
    stores.land(FIRST, changed, at=LATER)
    stores.load(FIRST, at=LATER, insert_only=True)
    stores.refresh(LATER)
    state, (note,) = state_of(stores)
    assert state is State.EQUAL
    assert "compared with the ledger" in note


def test_views_may_be_refreshed_a_while_after_the_load(stores: Stores) -> None:
    day = DAYS[-1] + timedelta(days=1)
    stores.land(day, records_of(day), at=LATER)
    stores.load(day, at=LATER)
    soon, late = (stores.reconcile(last=day, sources=[MAIN], now=at) for at in (LATER + timedelta(hours=1), NOW))
    assert soon.ok
    assert soon.views[0].notes == ("the views are not refreshed yet since load 5",)
    assert not late.ok


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["2024-01-15..2024-01-17", "--source", MAIN], 0, "3 partitions of 2024-01-15 to 2024-01-17 compared"),
        (["2024-01", "--source", MAIN], 0, "3 partitions of 2024-01-01 to 2024-01-31 compared"),
        (["..2024-01-16", "--source", MAIN], 0, "2 partitions of 2024-01-15 to 2024-01-16 compared"),
        (["2024-01-17..2024-01-15"], 2, "Give the earlier date first"),
        (["2024-13-01"], 2, "is not a date"),
        (["2024-01-15", "--source", "nobody"], 2, "neither defined nor was it ever loaded"),
    ],
)
def test_the_command_takes_dates_months_and_ranges(
    object_stores: Stores, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, words: str
) -> None:
    for name, value in environment(object_stores).items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == status, result.output
    assert words in " ".join(result.output.split())


def test_the_command_shows_what_differs_and_what_to_do(object_stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**environment(object_stores), "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    object_stores.delete(object_stores.raw, raw_key(MAIN, FIRST))

    shown = CliRunner().invoke(app, ["2024-01-15", "--source", MAIN])
    as_json = CliRunner().invoke(app, ["2024-01-15", "--source", MAIN, "--json"])

    assert (shown.exit_code, as_json.exit_code) == (1, 1)
    assert "the object is missing" in shown.stdout
    assert "1 partition of 2024-01-15 to 2024-01-15 compared, 18 lines, 1 differ" in shown.stdout
    assert "What to do:" in shown.output
    report = json.loads(as_json.stdout)
    assert report["dates"][0]["differences"][0]["hop"] == "raw"
    assert report["dates"][0]["figures"]["facts"]["USD"]["net"] == "243.9000"
