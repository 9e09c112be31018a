"""The warehouse schema as it is really built."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import pytest

from ingestion.models.columns import TableColumn, fact_table, superseded_table
from local_stack.databases import WarehouseAccess
from shared.database import session, transaction
from shared.errors import FixConfiguration
from shared.migrations import migrate

CATALOGUE_TYPES = {"timestamptz": "timestamp with time zone", "char(3)": "character(3)"}
DENIED = psycopg2.errors.InsufficientPrivilege
_UNCOMMENTED = """
SELECT n.nspname || '.' || c.relname || coalesce('.' || a.attname, '')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = coalesce(a.attnum, 0)
LEFT JOIN pg_description t ON t.objoid = c.oid AND t.objsubid = 0
WHERE n.nspname IN ('public', 'ops') AND c.relkind IN ('r', 'p', 'm', 'v') AND NOT c.relispartition
    AND c.relname NOT LIKE '%%yoyo%%' AND (d.description IS NULL OR t.description IS NULL)
"""


def test_every_table_and_column_says_what_it_is(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(_UNCOMMENTED)
        assert cursor.fetchall() == []


@pytest.mark.parametrize(
    ("table", "columns"), [("fact_sales", fact_table()), ("ops.superseded_sales", superseded_table())]
)
def test_the_tables_of_sales_have_the_columns_that_the_contract_generates(
    warehouse: WarehouseAccess, table: str, columns: list[TableColumn]
) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (table,),
        )
        found = cursor.fetchall()
    assert [name for name, *_ in found] == [column.name for column in columns]
    assert [is_nullable for *_, is_nullable in found] == [column.is_nullable for column in columns]
    for (name, kind, _), column in zip(found, columns, strict=True):
        assert CATALOGUE_TYPES.get(column.type, column.type) == kind, name


def test_every_foreign_key_of_the_facts_has_an_index(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint k WHERE contype = 'f' AND conrelid = 'fact_sales'::regclass"
            " AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1])"
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize("statement", ["DELETE FROM fact_sales", "INSERT INTO ops.pipeline_metadata VALUES ('x')"])
def test_the_readers_role_cannot_write(warehouse: WarehouseAccess, statement: str) -> None:
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor, pytest.raises(DENIED):
        cursor.execute(statement)


@pytest.mark.parametrize("statement", ["DROP TABLE fact_sales", "CREATE TABLE public.mine (x int)"])
def test_the_loaders_role_cannot_change_the_schema(warehouse: WarehouseAccess, statement: str) -> None:
    with psycopg2.connect(warehouse.loader_dsn) as connection, connection.cursor() as cursor, pytest.raises(DENIED):
        cursor.execute(statement)


def test_the_calendar_knows_iso_weeks_around_new_year(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT year, quarter, iso_year, iso_week, weekday_name, is_weekend FROM dim_date WHERE date_key = 20270103"
        )
        assert cursor.fetchone() == (2027, 1, 2026, 53, "Sunday", True)


def test_migrations_run_once_each_and_in_order(warehouse: WarehouseAccess, tmp_path: Path) -> None:
    (tmp_path / "0001_add_channel.sql").write_text("ALTER TABLE public.dim_store ADD COLUMN channel text;\n")
    (tmp_path / "0002_fill_channel.sql").write_text(
        "-- depends: 0001_add_channel\nUPDATE public.dim_store SET channel = 'shop';\n"
    )
    assert migrate(warehouse.owner_dsn, migrations=tmp_path) == ["0001_add_channel", "0002_fill_channel"]
    assert migrate(warehouse.owner_dsn, migrations=tmp_path) == []
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT channel FROM dim_store WHERE store_key = 0")
        assert cursor.fetchone() == ("shop",)


def test_a_migration_that_was_cut_off_leaves_nothing_and_runs_again(
    warehouse: WarehouseAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0001_add_channel.sql").write_text("ALTER TABLE public.dim_store ADD COLUMN channel text;\n")

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("yoyo.backends.base.DatabaseBackend.mark_one", cut_off)
        migrate(warehouse.owner_dsn, migrations=tmp_path)
    assert migrate(warehouse.owner_dsn, migrations=tmp_path) == ["0001_add_channel"]


def test_a_role_that_may_not_create_the_schema_is_told_what_to_set(database: str, warehouse: WarehouseAccess) -> None:
    name = database.rsplit("/", 1)[1]
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(f'GRANT CONNECT ON DATABASE "{name}" TO retail_user')
    loader = warehouse.loader_dsn.rsplit("/", 1)[0] + f"/{name}"
    with pytest.raises(FixConfiguration, match="Set WAREHOUSE_OWNER_DSN to the owner"):
        migrate(loader)


def test_a_schema_older_than_the_code_is_told_as_such(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION ops.enter_load")
    with (
        session(warehouse.loader_dsn, application_name="test") as connection,
        pytest.raises(FixConfiguration, match=r"older than this code \(function ops.enter_load.*Run: python -m shared"),
        transaction(connection) as cursor,
    ):
        cursor.execute("SELECT ops.enter_load('retailer_1')")
