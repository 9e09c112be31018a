"""Promise 2: any sequence of landings and loads over the same source states ends in the same warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local_stack.databases import create_warehouse
from local_stack.postgres import PostgresServer
from tests.conftest import ROLE_PASSWORDS
from tests.fakes.raw_zone import RawZone, record
from tests.integration.transformation.test_load_paths import Loader
from transformation.load.plan import LoadPath

PATHS = st.sampled_from(LoadPath)
DAYS = [date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1)]


_TABLES = (
    "fact_sales, fact_daily_sales, fact_daily_transactions, pipeline_metadata, load_ledger_amounts, load_ledger,"
    " data_versions, transaction_dates, superseded_sales, customer_observations"
)
_DIMENSIONS = ("dim_customer", "dim_product", "dim_store")


@pytest.fixture(scope="module")
def loaders(
    postgres_server: PostgresServer, warehouse_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Loader, Loader]]:
    """Two warehouses, emptied between examples: making new ones would take most of the time."""
    names = [f"order_{uuid4().hex[:12]}" for _ in range(2)]
    first, second = (
        Loader(
            create_warehouse(postgres_server, ROLE_PASSWORDS, name=name, template=warehouse_template),
            tmp_path_factory.mktemp("loader"),
        )
        for name in names
    )
    yield first, second
    for name in names:
        postgres_server.drop_database(name)


def empty(loader: Loader) -> None:
    loader.zone = RawZone()
    with psycopg2.connect(loader.access.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {_TABLES} CASCADE")
        for dimension in _DIMENSIONS:
            cursor.execute(f"DELETE FROM {dimension} WHERE retailer_key > 0")


@st.composite
def sales(draw: st.DrawFn, day: date) -> Any:
    """A line out of a small world, so that keys, customers and products meet again and again."""
    hour = draw(st.integers(0, 23))
    sold_at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    version = draw(st.integers(0, 3))
    known = draw(st.sampled_from(["since", "unknown", "guest"]))
    since = datetime(2024, 1, 29, tzinfo=UTC) + timedelta(days=draw(st.integers(0, 4)))
    return record(
        line=draw(st.sampled_from(["1", "2"])),
        transaction=draw(st.sampled_from(["T1", "T2", "T3"])),
        day=day,
        qty=draw(st.integers(-2, 3)),
        price=draw(st.sampled_from(["1", "2.50"])),
        sold_at=sold_at,
        changed_at=sold_at + timedelta(days=version),
        customer_id="GUEST" if known == "guest" else draw(st.sampled_from(["C1", "C2"])),
        customer_segment=draw(st.sampled_from(["gold", "silver", None])),
        customer_since=since if known == "since" else None,
        product_id=draw(st.sampled_from(["P1", "P2"])),
        product_name=draw(st.sampled_from(["Lantern", "Lamp", None])),
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[date, list[Any]]], list[tuple[int, list[date], LoadPath]]]:
    """Landings in the order the source went through them, and loads of some dates after some of the landings."""
    landings = [(day, draw(st.lists(sales(day), max_size=4))) for day in DAYS]
    extra = draw(st.lists(st.sampled_from(DAYS), max_size=4))
    landings += [(day, draw(st.lists(sales(day), max_size=4))) for day in extra]
    loads = [
        (
            draw(st.integers(0, len(landings) - 1)),
            draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True)),
            draw(PATHS),
        )
        for _ in range(draw(st.integers(0, 5)))
    ]
    return landings, loads


@dataclass(frozen=True)
class Case:
    """A history, and two ways to load what it ends with."""

    history: tuple[list[tuple[date, list[Any]]], list[tuple[int, list[date], LoadPath]]]
    order: list[date]
    together: bool
    last_path: LoadPath
    path: LoadPath


CASES = st.builds(
    Case, history=histories(), order=st.permutations(DAYS), together=st.booleans(), last_path=PATHS, path=PATHS
)
# No shrinking: each example is a dozen transactions, and a failing one is small already.
FEW = settings(
    max_examples=2,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)


@pytest.mark.long
@FEW
@given(CASES)
def test_any_order_of_landings_and_loads_gives_the_same_digest(loaders: tuple[Loader, Loader], case: Case) -> None:
    assert_both_ways_end_in_the_same(*loaders, case)


@pytest.mark.long
@settings(FEW, max_examples=40)
@given(CASES)
def test_any_order_gives_the_same_digest_in_forty_histories(loaders: tuple[Loader, Loader], case: Case) -> None:
    assert_both_ways_end_in_the_same(*loaders, case)


def assert_both_ways_end_in_the_same(wandering: Loader, rebuilt: Loader, case: Case) -> None:
    landings, loads = case.history
    empty(wandering)
    empty(rebuilt)
    landed: set[date] = set()
    for step, (day, records) in enumerate(landings):
        wandering.land(*records, day=day)
        landed.add(day)
        for _, days, load_path in (load for load in loads if load[0] == step):
            wandering.load(*[each for each in days if each in landed] or [day], path=load_path)
    for days in [case.order] if case.together else [[day] for day in case.order]:
        wandering.load(*days, path=case.last_path)
    rebuilt.zone.objects = dict(wandering.zone.objects)
    for days in [DAYS] if case.path is LoadPath.BUILD else [[day] for day in DAYS]:
        rebuilt.load(*days, path=case.path)
    assert fact_rows(wandering) == fact_rows(rebuilt)
    assert histories_of(wandering) == histories_of(rebuilt)
    assert_ledger_describes_the_facts(wandering)


def fact_rows(loader: Loader) -> list[tuple[Any, ...]]:
    return loader.rows(
        "SELECT f.date_key, f.transaction_id, f.line_id, f.line_type, f.sold_at, f.net_amount, f.net_quantity,"
        " f.source_changed_at, c.customer_id, c.valid_from, c.segment, p.product_id FROM fact_sales f"
        " JOIN dim_customer c USING (customer_key) JOIN dim_product p USING (product_key)"
        " ORDER BY f.date_key, f.transaction_id, f.line_id"
    )


def histories_of(loader: Loader) -> list[tuple[Any, ...]]:
    return loader.rows(
        "SELECT customer_id, customer_name, segment, city, valid_from, extract(year FROM valid_to), is_current"
        " FROM dim_customer ORDER BY customer_id, valid_from"
    )


def assert_ledger_describes_the_facts(loader: Loader) -> None:
    ledger = loader.rows(
        "SELECT DISTINCT ON (business_date) to_char(business_date, 'YYYYMMDD')::integer,"
        " in_warehouse, landed, duplicate"
        " FROM load_ledger ORDER BY business_date, load_id DESC"
    )
    present = dict(loader.rows("SELECT date_key, count(*) FROM fact_sales GROUP BY date_key"))
    for key, in_warehouse, landed, duplicate in ledger:
        assert in_warehouse == present.get(key, 0) == landed - duplicate
    money = loader.rows(
        "SELECT sum(in_warehouse) FROM (SELECT DISTINCT ON (business_date) load_id, business_date FROM load_ledger"
        " ORDER BY business_date, load_id DESC) AS newest JOIN load_ledger_amounts USING (load_id, business_date)"
    )
    facts = loader.rows("SELECT sum(net_amount) FROM fact_sales")
    daily = loader.rows("SELECT sum(net_amount) FROM fact_daily_sales")
    assert (money[0][0] or 0) == (facts[0][0] or 0) == (daily[0][0] or 0)
