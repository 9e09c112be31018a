"""The migrations of the contract's charges on a warehouse that is in use: nobody waits long, and no figure changes."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import closing
from io import StringIO
from pathlib import Path

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from shared.migrations import migrate
from shared.schema_version import MIGRATIONS_DIRECTORY
from tests.fakes.raw_zone import record
from tests.integration.transformation.test_load_paths import Loader

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

FACTS = int(os.environ.get("RETAIL_MIGRATION_FACTS", "50000"))
"""How many facts the warehouse has that is migrated while it is read."""
MONTHS, LINES_PER_DAY = 12, FACTS // (12 * 28) + 1
BEFORE = "0020"
"""The first of these migrations."""
_FILL = """
SELECT ops.ensure_fact_partition(make_date(2024, month, 1)) FROM generate_series(1, 12) AS month;
INSERT INTO dim_store (store_key, retailer_key, store_id, attributes_as_of) VALUES (1, 1, 'S1', now());
INSERT INTO dim_product (product_key, retailer_key, product_id, product_name, category, attributes_as_of)
    SELECT number, 1, 'P' || number, 'Product', 'Home', now() FROM generate_series(1, 500) AS number;
INSERT INTO dim_customer (customer_key, retailer_key, customer_id, valid_from, valid_to, is_current)
    VALUES (1, 1, 'C1', '2000-01-01', '9999-12-31', true);
INSERT INTO fact_sales (date_key, retailer_key, transaction_id, line_id, product_key, customer_key, store_key,
    line_type, sold_at, currency, quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at,
    load_id)
SELECT 20240000 + month * 100 + day, 1, 'T' || line, '1', line %% 500 + 1, 1, 1, 'sale', make_date(2024, month, day),
    'USD', 2, 1.5, 3, 2, 3, now(), 1
FROM generate_series(1, 12) AS month, generate_series(1, 28) AS day, generate_series(1, %(lines)s) AS line;
INSERT INTO fact_daily_sales (date_key, retailer_key, product_key, store_key, currency, line_count, sold_quantity,
    returned_quantity, net_quantity, sales_amount, returns_amount, adjustment_amount, net_amount)
SELECT date_key, 1, product_key, 1, 'USD', count(*), sum(quantity), 0, sum(quantity), sum(net_amount), 0, 0,
    sum(net_amount)
FROM fact_sales GROUP BY date_key, product_key;
INSERT INTO fact_daily_transactions SELECT date_key, 1, 1, 'USD', count(*), 1 FROM fact_sales GROUP BY date_key;
ANALYZE;
"""
_QUERIES = (
    "SELECT count(*), sum(net_amount) FROM fact_sales WHERE date_key = 20240615",
    "SELECT count(*), sum(net_amount) FROM fact_daily_sales WHERE date_key = 20240615",
    "SELECT count(*), sum(net_amount) FROM mv_daily_sales_summary",
    "SELECT count(*), sum(net_amount) FROM mv_quarterly_sales_summary",
)
VIEWS = ("mv_daily_sales_summary", "mv_quarterly_sales_summary")


class Reader(threading.Thread):
    """Reads the same figures over and over. A wait of a second for a lock is an error."""

    def __init__(self, dsn: str) -> None:
        super().__init__()
        self._dsn, self._stopped = dsn, threading.Event()
        self.rounds = 0
        self.seen: set[tuple[object, ...]] = set()
        self.error: psycopg2.Error | None = None

    def run(self) -> None:
        """See the class."""
        try:
            # `closing`: psycopg2's own block would be one transaction, which keeps its locks.
            with closing(psycopg2.connect(self._dsn, options="-c lock_timeout=1s")) as connection:
                connection.autocommit = True
                while not self._stopped.is_set():
                    with connection.cursor() as cursor:
                        for number, query in enumerate(_QUERIES):
                            cursor.execute(query)
                            self.seen.add((number, *(cursor.fetchone() or ())))
                    self.rounds += 1
                    self._stopped.wait(0.02)
        except psycopg2.Error as error:
            self.error = error

    def stop(self) -> None:
        """Wait for the last query, and raise what a query raised."""
        self._stopped.set()
        self.join()
        if self.error:
            raise self.error


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The migrations of the release before."""
    folder = tmp_path / "older"
    folder.mkdir()
    for path in MIGRATIONS_DIRECTORY.glob("*.sql"):
        if path.name < BEFORE:
            shutil.copy(path, folder)
    return folder


def test_readers_never_wait_a_second_for_the_migrations(database: str, older: Path) -> None:
    migrate(database, migrations=older)
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(_FILL, {"lines": LINES_PER_DAY})
        for view in VIEWS:
            cursor.execute("SELECT ops.refresh_materialized_view(%s)", (view,))
    reader = Reader(database)
    reader.start()
    try:
        assert migrate(database)[0].startswith(BEFORE)
    finally:
        reader.stop()
    assert reader.rounds > 1
    assert len(reader.seen) == len(_QUERIES)  # the same figures before, during and after
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_constraint WHERE NOT convalidated")
        assert cursor.fetchone() == (0,)


def test_a_migrated_warehouse_has_the_digest_of_one_that_is_loaded_again(
    database: str, older: Path, warehouse: WarehouseAccess, tmp_path: Path
) -> None:
    loader = Loader(warehouse, tmp_path)
    loader.land(record("1"), record("2", qty=-1), record("3", transaction="T2", product_id="P2", price="0.999"))
    loader.load()
    migrate(database, migrations=older)
    with psycopg2.connect(warehouse.owner_dsn) as new, psycopg2.connect(database) as old:
        with old.cursor() as cursor:
            cursor.execute("SELECT ops.ensure_fact_partition('2024-01-01'); TRUNCATE dim_retailer CASCADE")
        for table in ("dim_retailer", "dim_store", "dim_product", "dim_customer", "dim_date"):
            _copy(new, old, table)
        for table in ("fact_sales", "fact_daily_sales", "fact_daily_transactions"):
            _copy(new, old, table)
    migrate(database)
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT ops.warehouse_digest()")
        assert cursor.fetchone() == (loader.digest(),)


def _copy(source: psycopg2.extensions.connection, target: psycopg2.extensions.connection, table: str) -> None:
    """Copy a table's rows, with the columns that the older schema has."""
    rows = StringIO()
    with source.cursor() as reading, target.cursor() as writing:
        writing.execute(
            "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = %s::regclass"
            " AND attnum > 0 AND NOT attisdropped",
            (table,),
        )
        columns = (writing.fetchone() or ("",))[0]
        writing.execute(f"DELETE FROM {table}")
        reading.copy_expert(f"COPY (SELECT {columns} FROM {table}) TO STDOUT", rows)
        rows.seek(0)
        writing.copy_expert(f"COPY {table} ({columns}) FROM STDIN", rows)
