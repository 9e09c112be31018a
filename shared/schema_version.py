"""Rejects a warehouse whose schema is newer than this code.

A schema that is older shows itself: a statement names something that is missing. A newer one may still have every name
that this code uses, and mean something else by it. Only the list of applied migrations shows that.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - as in shared.database, which imports this module

from shared.errors import FixConfiguration

MIGRATIONS_DIRECTORY = Path(__file__).resolve().parent.parent / "database" / "migrations"
_HAS_READABLE_LIST = "SELECT coalesce(has_table_privilege(to_regclass('ops._yoyo_migration'), 'SELECT'), false)"
_NEWEST_APPLIED = "SELECT coalesce(max(migration_id COLLATE \"C\"), '') FROM ops._yoyo_migration"


def reject_newer_schema(cursor: Cursor, migrations: Path = MIGRATIONS_DIRECTORY) -> None:
    """Raise FixConfiguration if a migration was applied that comes after all in this directory.

    A database without a list of migrations passes, and one from before every role could read it: they are older.
    """
    cursor.execute(_HAS_READABLE_LIST)
    if cursor.fetchone() != (True,):
        return
    cursor.execute(_NEWEST_APPLIED)
    ((applied,),) = cursor.fetchall()
    if applied > (newest := _newest(migrations)):
        raise FixConfiguration(
            f"The warehouse's schema is newer than this code: it has migration {applied}, and the newest one here is"
            f" {newest or 'none'}. Nothing was changed. Use the version of the platform that migrated the warehouse, or"
            " a later one."
        )


@cache
def _newest(migrations: Path) -> str:
    """The name of the last one; they are numbered."""
    return max((path.stem for path in migrations.glob("*.sql")), default="")
