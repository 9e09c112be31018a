"""Fills empty tables fast: their indexes and foreign keys are built once, at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

_FOREIGN_KEYS = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY (%s::regclass[])
"""
_INDEXES = """
SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index WHERE NOT indisprimary AND NOT indisunique AND indrelid = ANY (%s::regclass[])
"""


@contextmanager
def bulk_load(cursor: Cursor, tables: Sequence[str]) -> Iterator[None]:
    """Drop indexes and foreign keys of the tables, restore them at the end, and update the planner's statistics.

    All in the caller's transaction: other sessions see the tables before or after.
    """
    restored = []
    for query in (_INDEXES, _FOREIGN_KEYS):
        cursor.execute(query, (list(tables),))
        for set_aside, restore in cursor.fetchall():
            cursor.execute(set_aside)
            restored.append(restore)
    yield
    for restore in restored:
        cursor.execute(restore)
    cursor.execute(f"ANALYZE {', '.join(tables)}")
