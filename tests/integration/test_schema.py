"""The warehouse schema as it is really built."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg2
import pytest

from ingestion.models.columns import TableColumn, fact_table, superseded_table
from local_stack.databases import WarehouseAccess
from monitoring.unfinished_runs import RunRecord, UnfinishedRun
from shared import migrations
from shared.database import session, transaction
from shared.errors import FixConfiguration, RetryLater
from shared.migrations import migrate
from shared.schema_version import MIGRATIONS_DIRECTORY
from tests.architecture.vocabulary import find_retired_words

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


_ROWS_OF_AN_OLDER_RELEASE = """
INSERT INTO ops.data_versions (run_id, retailer_key, load_path, code_version, published_at)
    VALUES ('run', 1, 'merge', 'old', '2024-01-16');
INSERT INTO ops.load_ledger (load_id, retailer_id, business_date, run_id, fetched, landed, rejected, inserted, updated,
    unchanged, duplicate, superseded, withdrawn, in_star, source_sha256, recorded_at)
    SELECT load_id, 'retailer_1', '2024-01-15', 'run', 7, 7, 0, 5, 0, 0, 2, 0, 0, 5, 'x', '2024-01-16'
    FROM ops.data_versions;
INSERT INTO ops.load_ledger_amounts (load_id, retailer_id, business_date, currency, landed, rejected, inserted, updated,
    unchanged, duplicate, withdrawn, in_star)
    SELECT load_id, 'retailer_1', '2024-01-15', 'USD', 12.5, 0, 12.5, 0, 0, 0, 0, 12.5 FROM ops.data_versions;
INSERT INTO ops.data_quality_scores (run_id, business_date, dimension, score, verdict, scored_at)
    VALUES ('run', '2024-01-15', 'overall', 97, 'warn', '2024-01-16');
INSERT INTO ops.data_quality_results (run_id, business_date, check_name, dimension, severity, status, score, threshold,
    expected, actual, message, checked_at)
    SELECT 'run', '2024-01-15', name, 'consistency', 'critical', 'pass', 100, 100, '', '', '', '2024-01-16'
    FROM unnest(ARRAY['members_known', 'customer_history_whole', 'amounts_match']) AS name;
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
    (tmp_path / "9998_add_channel.sql").write_text("ALTER TABLE public.dim_store ADD COLUMN channel text;\n")
    (tmp_path / "9999_fill_channel.sql").write_text(
        "-- depends: 9998_add_channel\nUPDATE public.dim_store SET channel = 'shop';\n"
    )
    assert migrate(warehouse.owner_dsn, migrations=tmp_path) == ["9998_add_channel", "9999_fill_channel"]
    assert migrate(warehouse.owner_dsn, migrations=tmp_path) == []
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT channel FROM dim_store WHERE store_key = 0")
        assert cursor.fetchone() == ("shop",)


def test_a_migration_that_was_cut_off_leaves_nothing_and_runs_again(
    warehouse: WarehouseAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "9998_add_channel.sql").write_text("ALTER TABLE public.dim_store ADD COLUMN channel text;\n")

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("yoyo.backends.base.DatabaseBackend.mark_one", cut_off)
        migrate(warehouse.owner_dsn, migrations=tmp_path)
    assert migrate(warehouse.owner_dsn, migrations=tmp_path) == ["9998_add_channel"]


def test_a_database_with_rows_keeps_them_when_columns_get_their_standard_names(database: str, tmp_path: Path) -> None:
    released = [path for path in MIGRATIONS_DIRECTORY.glob("*.sql") if path.name < "0008"]
    for path in released:
        shutil.copy(path, tmp_path)
    migrate(database, migrations=tmp_path)
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(_ROWS_OF_AN_OLDER_RELEASE)
    assert migrate(database)[0] == "0008_standard_terms"
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT landed, in_warehouse FROM ops.load_ledger")
        assert cursor.fetchall() == [(7, 5)]
        cursor.execute("SELECT currency, in_warehouse::text FROM ops.load_ledger_amounts")
        assert cursor.fetchall() == [("USD", "12.5000")]
        cursor.execute("SELECT outcome FROM ops.data_quality_scores")
        assert cursor.fetchall() == [("warn",)]
        cursor.execute("SELECT check_name FROM ops.data_quality_results ORDER BY result_id")
        assert cursor.fetchall() == [("dimensions_known",), ("customer_history_complete",), ("amounts_match",)]


def test_no_comment_of_the_schema_has_a_retired_word(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT description FROM pg_description JOIN pg_class ON pg_class.oid = objoid"
            " WHERE classoid = 'pg_class'::regclass AND relnamespace IN ('public'::regnamespace, 'ops'::regnamespace)"
            " UNION ALL SELECT obj_description(oid, 'pg_proc') FROM pg_proc WHERE pronamespace = 'ops'::regnamespace"
            " UNION ALL SELECT obj_description('ops'::regnamespace, 'pg_namespace')"
        )
        comments = "\n".join(text for (text,) in cursor.fetchall() if text)
    assert [str(finding) for finding in find_retired_words("comments", comments)] == []


def test_a_role_without_the_right_to_create_the_schema_gets_advice(database: str, warehouse: WarehouseAccess) -> None:
    name = database.rsplit("/", 1)[1]
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(f'GRANT CONNECT ON DATABASE "{name}" TO retail_user')
    loader = warehouse.loader_dsn.rsplit("/", 1)[0] + f"/{name}"
    with pytest.raises(FixConfiguration, match="Set WAREHOUSE_OWNER_DSN to the owner"):
        migrate(loader)


def test_a_schema_older_than_the_code_is_reported_as_such(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION ops.enter_load")
    with (
        session(warehouse.loader_dsn, application_name="test") as connection,
        pytest.raises(FixConfiguration, match=r"older than this code \(function ops.enter_load.*Run: python -m shared"),
        transaction(connection) as cursor,
    ):
        cursor.execute("SELECT ops.enter_load('retailer_1')")


def test_a_schema_newer_than_the_code_is_rejected_before_anything_is_done(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO ops._yoyo_migration (migration_hash, migration_id) VALUES ('later', '0999_later')")
    run = UnfinishedRun("run-1", "run", date(2024, 1, 1), (), refreshes_views=True)
    attempts: list[Callable[[], object]] = [
        lambda: migrate(warehouse.owner_dsn),
        lambda: session(warehouse.loader_dsn, application_name="test").__enter__(),
        lambda: session(warehouse.reader_dsn, application_name="test").__enter__(),
        lambda: RunRecord(warehouse.loader_dsn, clock=lambda: datetime.now(UTC)).begin(run),
    ]
    for attempt in attempts:
        with pytest.raises(FixConfiguration, match=r"newer than this code: it has migration 0999_later, .* Use the"):
            attempt()


def test_a_migration_that_is_missing_between_others_is_applied(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM ops._yoyo_migration WHERE migration_id = '0018_digest_of_any_session'")
    assert migrate(warehouse.owner_dsn) == ["0018_digest_of_any_session"]


def test_a_migration_does_not_block_readers_and_names_who_keeps_it_waiting(
    warehouse: WarehouseAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in MIGRATIONS_DIRECTORY.glob("*.sql"):
        shutil.copy(path, tmp_path)
    (tmp_path / "9999_new_column.sql").write_text("ALTER TABLE public.dim_store ADD COLUMN floor_area integer;")
    monkeypatch.setattr(migrations, "TIMEOUT_SECONDS", 1.0)
    with psycopg2.connect(warehouse.reader_dsn, application_name="dashboard") as idle, idle.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM dim_store")
        who = rf"by .*retail_reader \(pid {idle.get_backend_pid()}, application dashboard\)"
        with pytest.raises(RetryLater, match=who):
            migrate(warehouse.owner_dsn, migrations=tmp_path)
        waiting = threading.Thread(target=lambda: migrate(warehouse.owner_dsn, migrations=tmp_path))
        monkeypatch.setattr(migrations, "TIMEOUT_SECONDS", 60.0)
        waiting.start()
        for _ in range(10):
            with psycopg2.connect(warehouse.reader_dsn, options="-c statement_timeout=1s") as other:
                other.cursor().execute("SELECT count(*) FROM dim_store")
            other.close()
        idle.rollback()
    waiting.join(60)
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT floor_area FROM dim_store")
        assert cursor.fetchall() == [(None,)]
