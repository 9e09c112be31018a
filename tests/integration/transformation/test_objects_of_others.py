"""What an administrator makes next to the months of fact_sales stays; a load that it stops says what is in the way."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from shared.errors import FixConfiguration
from tests.fakes.raw_zone import DAY
from tests.integration.transformation.test_building_months import sales
from tests.integration.transformation.test_load_paths import Loader
from transformation.load.plan import LoadPath

MONTH = "ops.fact_sales_2024_01"


def as_owner(warehouse: WarehouseAccess, *statements: str) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def loaded(warehouse: WarehouseAccess, directory: Path, path: LoadPath) -> Loader:
    """A warehouse with three sales of a month; five of it are landed."""
    loader = Loader(warehouse, directory, path)
    loader.land(*sales(DAY, 3))
    loader.load()
    loader.land(*sales(DAY, 5))
    return loader


def test_a_view_on_a_month_stops_the_load_that_would_replace_it(warehouse: WarehouseAccess, tmp_path: Path) -> None:
    loader = loaded(warehouse, tmp_path, LoadPath.BUILD)
    as_owner(warehouse, f"CREATE VIEW public.january AS SELECT * FROM {MONTH}")
    with pytest.raises(FixConfiguration, match=r"is in the way: cannot drop table .* \(view january depends on table "):
        loader.load()
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(3,)]
    as_owner(warehouse, "DROP VIEW public.january")
    loader.load()
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(5,)]


@pytest.mark.parametrize("path", [LoadPath.MERGE, LoadPath.BUILD])
def test_a_detached_month_is_not_taken_for_the_month_or_dropped(
    warehouse: WarehouseAccess, tmp_path: Path, path: LoadPath
) -> None:
    loader = loaded(warehouse, tmp_path, path)
    as_owner(warehouse, f"ALTER TABLE public.fact_sales DETACH PARTITION {MONTH}")
    with pytest.raises(FixConfiguration, match='is in the way: relation "fact_sales_2024_01" already exists'):
        loader.load()
    as_owner(warehouse, "CREATE SCHEMA archive", f"ALTER TABLE {MONTH} SET SCHEMA archive")
    loader.load()
    assert loader.rows("SELECT count(*) FROM archive.fact_sales_2024_01") == [(3,)]
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(5,)]


def test_a_partition_over_several_months_is_named(warehouse: WarehouseAccess, tmp_path: Path) -> None:
    as_owner(
        warehouse,
        "CREATE TABLE ops.sales_of_2024 PARTITION OF public.fact_sales FOR VALUES FROM (20240101) TO (20250101)",
    )
    loader = Loader(warehouse, tmp_path, LoadPath.MERGE)
    loader.land(*sales(DAY, 3))
    with pytest.raises(FixConfiguration, match='"fact_sales_2024_01" would overlap partition "sales_of_2024"'):
        loader.load()
