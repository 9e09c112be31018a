"""A query's result as a CSV object in the processed bucket, read with the reader's rights where they are configured."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from shared.config import Settings, read_environment
from shared.database import session, transaction
from shared.postgres_settings import reader_dsn
from shared.s3_client import ObjectStore


def write_csv(
    sql: str,
    values: Mapping[str, Any],
    key: str,
    *,
    settings: Settings,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write what `sql` finds under `key`, names of columns first; an older object is replaced.

    For results that fit into memory. Read as the reader where that one is configured, else as the loader; either way in
    a transaction that cannot write. Raises RetryLater or FixConfiguration. Returns the object's place and its rows.
    """
    dsn = reader_dsn(read_environment() if environ is None else environ)
    with session(dsn, application_name="retail-report") as connection:
        connection.set_session(readonly=True)
        with transaction(connection) as cursor:
            cursor.execute(sql, dict(values))
            names = [column.name for column in cursor.description or ()]
            rows = cursor.fetchall()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    store, bucket = ObjectStore(settings.s3), settings.s3.bucket_processed
    store.put(bucket, key, text.getvalue().encode(), content_type="text/csv; charset=utf-8")
    return {"bucket": bucket, "key": key, "rows": len(rows)}
