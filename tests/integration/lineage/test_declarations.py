"""What is declared of columns, against the contract, a real Parquet object's rows and a real database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import psycopg2

from ingestion.models.columnar import COLUMNS
from materialized_views.catalog import view_definitions
from monitoring.lineage.datasets import declarations
from shared.config import PROJECT_ROOT
from transformation.statements import statement

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess

VIEWS = tuple(view_definitions())
OBJECTS = {"sales_record", "rejected", "processed"}


def types(kind: str) -> dict[str, str]:
    return {name: column.type for name, column in declarations()[kind].columns.items()}


def test_raw_objects_hold_the_contract() -> None:
    assert types("sales_record") == {name: kind.lower() for name, kind in COLUMNS.items()}


def test_processed_objects_hold_the_conformed_records() -> None:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE TABLE landed_records ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
    connection.execute("CREATE TABLE loaded_dates (business_date DATE)")
    connection.execute(statement("conform_records"))
    schema = connection.sql("SELECT * FROM conformed").to_arrow_table().schema
    assert types("processed") == {field.name: str(field.type) for field in schema}


def test_tables_and_views_are_declared_as_the_database_has_them(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        for kind in set(declarations()) - OBJECTS:
            cursor.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                (kind,),
            )
            assert types(kind) == dict(cursor.fetchall()), kind


def test_views_read_what_the_database_says_they_depend_on(warehouse: WarehouseAccess) -> None:
    found: dict[str, set[tuple[str, str]]] = {}
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT view.relname, read.relname, attname FROM pg_depend AS depend"
            " JOIN pg_rewrite AS rule ON rule.oid = depend.objid"
            " JOIN pg_class AS view ON view.oid = rule.ev_class AND view.relkind = 'm'"
            " JOIN pg_class AS read ON read.oid = depend.refobjid AND read.oid <> view.oid"
            " JOIN pg_attribute ON attrelid = read.oid AND attnum = refobjsubid"
            " WHERE refclassid = 'pg_class'::regclass AND refobjsubid > 0"
        )
        for view, table, column in cursor.fetchall():
            found.setdefault(view, set()).add((table, column))
    assert set(found) == set(VIEWS)
    for view, read in found.items():
        declared = declarations()[view]
        assert set(declared.read) == {table for table, _ in read}, view
        for name, column in declared.columns.items():
            assert {tuple(source.split(".")) for source in column.sources} <= read, (view, name)


def test_sources_of_columns_are_declared_columns_of_what_is_read() -> None:
    for kind, declared in declarations().items():
        for name, column in declared.columns.items():
            for source in column.sources:
                read, field = source.split(".")
                assert read in declared.read and field in declarations()[read].columns, (kind, name)


def test_checks_read_the_tables_that_their_queries_name(warehouse: WarehouseAccess) -> None:
    named = set()
    for path in (PROJECT_ROOT / "data_quality" / "sql").glob("*.sql"):
        named |= set(re.findall(r"\b(?:FROM|JOIN)\s+(?:ops\.)?(\w+)", path.read_text(encoding="utf-8")))
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'm', 'v')"
            " AND relnamespace IN ('public'::regnamespace, 'ops'::regnamespace)"
        )
        tables = {name for (name,) in cursor.fetchall()}
    assert set(declarations()["data_quality_results"].read) == named & tables
