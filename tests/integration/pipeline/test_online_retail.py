"""Two weeks of the real Online Retail CSV, through a retailer's API and S3 into the warehouse: to the row and cent."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

import ingestion.main
import transformation.main
from ingestion.connectors.protocol import Runtime
from local_stack.databases import WarehouseAccess
from local_stack.postgres import PostgresServer
from shared.config import Settings, load_settings
from tests import shipped_sources
from tests.conftest import S3Access
from tests.fakes.online_retail import DayFacts, beginning, find_online_retail, read_days
from tests.fakes.vendors import Vendor, running_vendor

FIRST = date(2010, 12, 1)
DAYS = {1: 14, 2: 5, 3: 5}
"""Two weeks of the complete file through the first retailer; a few days check the money and times of the others."""
FAULTS = (  # each of the first once or more for certain, the others by chance
    "429:1;times=2;retry_after=1,500:1;times=2,drop:1;times=2,truncate:1;times=2,html:1;times=2,"
    "503:0.1,slow:0.05;seconds=0.05,duplicates:0.05,insert_after_page:1"
)
pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module", params=[1, 2, 3], ids=["retailer_1", "retailer_2", "retailer_3"])
def replaying(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Vendor]:
    name = f"replay_{uuid4().hex[:8]}"
    database = postgres_server.create_database(name)
    sales = find_online_retail()
    if request.param != 1:
        sales = beginning(sales, tmp_path_factory.mktemp("beginning") / "sales.csv")
    with running_vendor(request.param, database, {"RETAILER_REPLAY_CSV": str(sales)}) as vendor:
        yield vendor
    postgres_server.drop_database(name)


@pytest.fixture(scope="module")
def days(replaying: Vendor) -> list[date]:
    return [FIRST + timedelta(days=ahead) for ahead in range(DAYS[replaying.number])]


@pytest.fixture(scope="module")
def expected(days: list[date]) -> dict[date, DayFacts]:
    return read_days(find_online_retail(), days[0], days[-1])


@pytest.fixture
def in_pounds(tmp_path: Path) -> dict[str, str]:
    """Definitions of sources that sell in pounds, as the file does."""
    directory = tmp_path / "sources"
    shutil.copytree(shipped_sources.DIRECTORY, directory)
    for file in directory.glob("*.yaml"):
        file.write_text(
            re.sub(r"currencies: .*", "currencies: [GBP]", file.read_text(encoding="utf-8")), encoding="utf-8"
        )
    return {"SOURCES_DIRECTORY": str(directory)}


@pytest.fixture
def settings(
    replaying: Vendor, warehouse: WarehouseAccess, s3: S3Access, in_pounds: dict[str, str]
) -> Iterator[Settings]:
    yield load_settings(
        {
            **s3.environment,
            **replaying.environment,
            **in_pounds,
            "WAREHOUSE_DSN": warehouse.loader_dsn,
            "INGEST_REQUESTS_PER_SECOND": "10000",
            "INGEST_MAX_ATTEMPTS": "12",
        }
    )
    replaying.behave()


def load(settings: Settings, retailer_id: str, days: list[date]) -> None:
    for day in days:
        runtime = Runtime(sleep=lambda _: None)
        landed = ingestion.main.run(day, [retailer_id], settings=settings, run_id=f"in-{day}", runtime=runtime)
        assert landed.ok, landed.as_dict()
        loaded = transformation.main.run(day, [retailer_id], settings=settings, run_id=f"up-{day}")
        assert loaded.ok, loaded.as_dict()


def query(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    with psycopg2.connect(settings.warehouse_dsn.get_secret_value()) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


_WAREHOUSE = """
SELECT full_date, count(*), sum(net_amount), count(*) FILTER (WHERE customer_id = 'GUEST'),
    count(*) FILTER (WHERE line_type = 'return'), count(*) FILTER (WHERE line_type = 'adjustment'),
    count(DISTINCT transaction_id)
FROM fact_sales JOIN dim_date USING (date_key) JOIN dim_customer USING (customer_key)
GROUP BY full_date
"""


def assert_warehouse_equals_csv(settings: Settings, expected: dict[date, DayFacts]) -> None:
    loaded = {row[0]: row[1:] for row in query(settings, _WAREHOUSE)}
    assert loaded == {
        day: (facts.distinct, facts.money, facts.guests, facts.returns, facts.adjustments, len(facts.invoices))
        for day, facts in expected.items()
    }


def test_every_row_and_cent_of_the_csv_is_reconciled(
    settings: Settings, replaying: Vendor, days: list[date], expected: dict[date, DayFacts]
) -> None:
    load(settings, replaying.retailer_id, days)
    assert_warehouse_equals_csv(settings, expected)
    ledger = {row[0]: row[1:] for row in query(settings, _LEDGER)}
    quiet = set(days) - set(expected)
    assert {day: ledger[day] for day in expected} == {
        day: (
            facts.distinct,
            facts.rows,
            facts.rows,
            0,
            facts.distinct,
            facts.duplicates,
            facts.duplicate_money,
            facts.money,
        )
        for day, facts in expected.items()
    }
    assert {ledger[day] for day in quiet} == {(0, 0, 0, 0, 0, 0, None, None)}, "a day without sales is a success"
    assert sum(facts.duplicates for facts in expected.values()) > 0


_LEDGER = """
SELECT l.business_date, l.reported, l.fetched, l.landed, l.rejected, l.inserted, l.duplicate, a.duplicate,
    a.in_warehouse
FROM load_ledger l LEFT JOIN load_ledger_amounts a USING (load_id, retailer_id, business_date)
"""


def test_a_misbehaving_api_changes_nothing_in_the_warehouse(
    settings: Settings, replaying: Vendor, days: list[date], expected: dict[date, DayFacts]
) -> None:
    replaying.faults(FAULTS)
    load(settings, replaying.retailer_id, days)
    fired = replaying.fired()
    assert [fired[name] for name in ("429", "500", "drop", "truncate", "html")] == [2] * 5
    assert_warehouse_equals_csv(settings, expected)
    balance = query(
        settings, "SELECT bool_and(fetched = landed + rejected), sum(in_warehouse), sum(duplicate) FROM load_ledger"
    )
    balanced, in_warehouse, duplicates = balance[0]
    assert (balanced, in_warehouse) == (True, sum(facts.distinct for facts in expected.values()))
    assert duplicates > sum(facts.duplicates for facts in expected.values()), "some lines were delivered twice"
    money = query(settings, "SELECT sum(in_warehouse) FROM load_ledger_amounts")
    assert money == [(sum((facts.money for facts in expected.values()), Decimal(0)),)]
