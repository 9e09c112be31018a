"""The definition files of the views against the database that the migrations build."""

from __future__ import annotations

import re
from typing import Any

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from materialized_views.catalog import view_definitions
from materialized_views.rendering import ddl

VIEWS = tuple(view_definitions())
DESCRIPTION = """
SELECT
    pg_get_viewdef(view.oid),
    array(SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = view.oid ORDER BY 1),
    obj_description(view.oid, 'pg_class'),
    array(
        SELECT attname || ' ' || format_type(atttypid, atttypmod) || ': ' || col_description(attrelid, attnum)
        FROM pg_attribute WHERE attrelid = view.oid AND attnum > 0 ORDER BY attnum
    ),
    array(
        SELECT grantee::regrole || ' ' || privilege_type FROM aclexplode(view.relacl)
        WHERE grantee <> view.relowner ORDER BY 1
    )
FROM pg_class AS view
WHERE view.oid = %s::regclass
"""


def described(cursor: Any, schema: str, view: str) -> list[str]:
    """What the catalogue says of the view, without the name of the schema."""
    cursor.execute(f"SET search_path = {', '.join(dict.fromkeys((schema, 'public', 'ops')))}")
    cursor.execute(DESCRIPTION, (f"{schema}.{view}",))
    return [str(value).replace(f"{schema}.", "") for value in cursor.fetchone()]


def test_the_migrated_database_has_the_views_as_they_are_defined(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA rendered")
        cursor.execute("SET search_path = rendered, public, ops")
        for definition in view_definitions().values():
            cursor.execute(ddl(definition, "rendered"))
        for view in VIEWS:
            assert described(cursor, "rendered", view) == described(cursor, "public", view), view
        connection.rollback()


@pytest.mark.parametrize("view", VIEWS)
def test_the_declared_columns_are_those_of_the_view(warehouse: WarehouseAccess, view: str) -> None:
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
            (view,),
        )
        real = cursor.fetchall()
    assert [(name, column.type) for name, column in view_definitions()[view].columns.items()] == real


def test_the_refresh_function_accepts_exactly_the_views_that_are_defined(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE oid = 'ops.refresh_materialized_view'::regproc")
        sources = cursor.fetchall()
    accepted = re.search(r"NOT IN \((.*?)\)", sources[0][0], re.DOTALL)
    assert accepted is not None
    assert sorted(re.findall(r"'(mv_\w+)'", accepted[1])) == sorted(VIEWS)
