"""A year of history costs the page no more than the period that it shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import RealDictCursor

from retail_quality import queries
from tests.integration.plugin.conftest import Shown

LARGE = {"data_quality_results", "data_quality_scores", "load_ledger", "load_ledger_amounts", "pipeline_runs"}


@pytest.fixture
def year(shown: Shown) -> Shown:
    with psycopg2.connect(shown.access.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_name("year_of_history.sql").read_text(encoding="utf-8"))
    return shown


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Every statement the page sends, with its values."""
    seen: list[tuple[str, Any]] = []

    class Watched(RealDictCursor):
        def execute(self, query: Any, values: Any = None) -> None:
            seen.append((query, values))
            super().execute(query, values)

    monkeypatch.setattr(queries, "RealDictCursor", Watched)
    return seen


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Table, kind of access and rows that came of it, filtered ones included, of every scan in a plan."""
    if table := plan.get("Relation Name"):
        rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        yield table, plan["Node Type"], rows * plan["Actual Loops"]
    for part in plan.get("Plans", ()):
        yield from scans(part)


def read_by(shown: Shown, statement: str, values: Any) -> list[tuple[str, str, float]]:
    with psycopg2.connect(shown.access.reader_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, values)
        ((found,),) = cursor.fetchall()
    plans = found if isinstance(found, list) else json.loads(found)
    return list(scans(plans[0]["Plan"]))


@pytest.mark.parametrize(("path", "most"), [("/", 4), ("/?days=90", 4), ("/?days=365", 4), ("/days/2024-01-15", 6)])
def test_a_page_takes_a_few_statements_however_long_its_period(
    year: Shown, statements: list[tuple[str, Any]], path: str, most: int
) -> None:
    year.get(path)

    assert 0 < len(statements) <= most


def test_each_date_of_the_year_shows_the_latest_of_four_runs(year: Shown) -> None:
    page = year.get("/?days=365")
    dates = [row for row in page.rows if len(row) > 1 and row[1].startswith("retailer_1")]

    assert len(dates) == 365
    assert all("✓ Passed 99" in row[0] or "! Warnings 99" in row[0] for row in dates)
    assert {row[3] for row in dates} == {"1,004"}


def test_ninety_days_read_no_more_than_their_own_rows(year: Shown, statements: list[tuple[str, Any]]) -> None:
    year.get("/?days=90")
    found = [scan for statement, values in statements for scan in read_by(year, statement, values)]

    assert [scan for scan in found if scan[0] in LARGE and "Seq Scan" in scan[1]] == []
    rows: dict[str, float] = {}
    for table, _, number in found:
        rows[table] = rows.get(table, 0) + number
    # 90 dates: the newest check of each, and the few findings of 3 retailers × 20 checks × 4 runs.
    assert rows["data_quality_results"] <= 90 + 90 * 3 * 20 * 4 / 25
    assert rows["data_quality_scores"] <= 90 * (1 + 7) + 2
    assert rows["load_ledger"] <= 90 * 3 * 4 + 12
    assert rows["load_ledger_amounts"] <= 90 * 3


def test_a_dates_page_reads_the_checks_of_that_date_only(year: Shown, statements: list[tuple[str, Any]]) -> None:
    year.get("/days/2023-06-14")
    found = [scan for statement, values in statements for scan in read_by(year, statement, values)]

    assert [scan for scan in found if scan[0] in LARGE - {"pipeline_runs"} and "Seq Scan" in scan[1]] == []
    assert sum(rows for table, _, rows in found if table == "data_quality_results") <= 3 * 20 * 4 + 30
