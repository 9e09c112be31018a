"""Export a query's result as a CSV object to the processed bucket, as the reader where one is configured."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from shared.config import Settings, read_environment
from shared.database import session, transaction
from shared.postgres_settings import reader_dsn
from shared.s3_client import Bucket


def write_csv(
    sql: str,
    values: Mapping[str, Any],
    key: str,
    *,
    settings: Settings,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write the result of `sql` to `key`, with a header line; replaces an older object.

    For results that fit into memory. The query runs as the reader where one is configured, else as the loader, in a
    read-only transaction. Raises RetryLater or FixConfiguration. Returns bucket, key and number of rows.
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
    bucket = settings.s3.bucket_processed
    Bucket(settings.s3, bucket).put(key, text.getvalue().encode(), content_type="text/csv; charset=utf-8")
    return {"bucket": bucket, "key": key, "rows": len(rows)}
