"""The DuckDB tables of a reconciliation: rows of each store, and the summaries that follow from them.

The rows of the raw zone are conformed by the statements of the load, and summarised by those of built months: what a
store should hold is never computed by other rules than the load's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path

import duckdb

from ingestion.models.columns import render
from pipeline.reconciliation.landed import LandedDate
from pipeline.reconciliation.rows import insert_parquet
from pipeline.reconciliation.warehouse import DAILY_SALES, DAILY_TRANSACTIONS, ROW_COLUMNS, date_key
from shared.counts import counted
from shared.landed_batch import RECORDS_TABLE, LandedBatch
from transformation.conform import ConformedBatch, PartitionContent
from transformation.raw_partitions import create_records_table, insert_lines
from transformation.statements import statement

_DATE_KEY = "CAST(strftime(business_date, '%Y%m%d') AS INTEGER)"
_STAGED = "SELECT {staged_columns; date_key=$date_key AS date_key; source_changed_at=changed_at AS source_changed_at}"
_ROWS = ", ".join(ROW_COLUMNS)


class Baseline(StrEnum):
    """The first store of a date that can be trusted: those after it are compared with it."""

    RAW = "raw_rows"
    PROCESSED = "processed_rows"
    FACTS = "fact_rows"


@dataclass(frozen=True)
class LandedRows:
    """What was read from the zones."""

    contents: Mapping[date, PartitionContent]
    distinct: Mapping[date, int]
    raw_problems: dict[date, str] = field(default_factory=dict)
    """Why the records of a date cannot be used."""
    processed_problems: dict[date, str] = field(default_factory=dict)


def read_landed(
    connection: duckdb.DuckDBPyConnection, retailer_id: str, landed: Mapping[date, LandedDate], directory: Path
) -> LandedRows:
    """Make the tables raw_rows and processed_rows, and conformed_wide and processed_wide with all columns."""
    raw_problems = _read_records(connection, retailer_id, landed)
    days = tuple(sorted(landed))
    batch = ConformedBatch(LandedBatch(retailer_id, days, connection, dict), directory)
    batch.conform(days)
    connection.execute(
        "CREATE OR REPLACE TABLE raw_rows AS " + render(_STAGED.replace("$date_key", _DATE_KEY) + " FROM conformed")
    )
    connection.execute(
        f"CREATE OR REPLACE VIEW conformed_wide AS SELECT {_DATE_KEY} AS date_key, * FROM conformed;"  # noqa: S608
        "CREATE OR REPLACE TABLE processed_wide AS FROM conformed_wide LIMIT 0"
    )
    parquet = {day: each.processed for day, each in landed.items() if each.processed}
    processed_problems = _insert_all(connection, parquet, insert_parquet)
    connection.execute(
        "CREATE OR REPLACE TABLE processed_rows AS "
        + render(_STAGED.replace("$date_key", "date_key") + " FROM processed_wide")
    )
    distinct = {day: batch.rows([day]) for day in days}
    return LandedRows(batch.landed, distinct, raw_problems, processed_problems)


def _read_records(
    connection: duckdb.DuckDBPyConnection, retailer_id: str, landed: Mapping[date, LandedDate]
) -> dict[date, str]:
    """Fill the table of records; the dates whose object cannot be used, and why."""
    create_records_table(connection)
    connection.execute(f"ALTER TABLE {RECORDS_TABLE} ADD COLUMN file VARCHAR")
    files = {day: each.records for day, each in landed.items() if each.records}
    errors = _insert_all(connection, files, partial(insert_lines, named=True))
    problems = {day: f"it does not follow the contract: {error}" for day, error in errors.items()}
    foreign = f"(retailer_id = '{retailer_id}' AND contains(file, '/' || business_date::VARCHAR || '.')) IS NOT true"
    found = connection.execute(f"SELECT file, count(*) FROM {RECORDS_TABLE} WHERE {foreign} GROUP BY file").fetchall()  # noqa: S608
    days = {str(file): day for day, file in files.items()}
    for file, rows in found:
        problems[days[file]] = f"{counted(rows, 'record')} of it belong to another source or date"
    if found:
        connection.execute(f"DELETE FROM {RECORDS_TABLE} WHERE {foreign}")  # noqa: S608 - an id of the registry
    for path in files.values():
        path.unlink()
    return problems


def _insert_all(
    connection: duckdb.DuckDBPyConnection,
    files: Mapping[date, Path],
    insert: Callable[[duckdb.DuckDBPyConnection, Sequence[Path]], None],
) -> dict[date, str]:
    """Insert all files at once, which is several times faster, or if one cannot be read, one by one: then why not."""
    if not files:
        return {}
    try:
        insert(connection, list(files.values()))
    except duckdb.Error:
        pass
    else:
        return {}
    problems = {}
    for day, file in files.items():
        try:
            insert(connection, [file])
        except duckdb.Error as error:
            problems[day] = str(error).splitlines()[0]
    return problems


def join_stored(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the view stored_rows: what the warehouse has of what was landed, in fact_sales or as superseded."""
    connection.execute(
        f"CREATE OR REPLACE VIEW stored_rows AS SELECT {_ROWS} FROM fact_rows UNION ALL SELECT {_ROWS}"  # noqa: S608
        " FROM superseded_rows"
    )


def expect_rows(connection: duckdb.DuckDBPyConnection, baselines: Mapping[date, Baseline]) -> None:
    """Make the table expected_rows: each date as its baseline has it, duplicates in a processed object included."""
    parts = [f"SELECT {_ROWS} FROM {each} WHERE {_within(baselines, each)}" for each in Baseline]  # noqa: S608
    connection.execute(f"CREATE OR REPLACE TABLE expected_rows AS {' UNION ALL '.join(parts)}")


def expect_summaries(connection: duckdb.DuckDBPyConnection, rows: str, suffix: str = "") -> None:
    """Make the tables expected_daily_sales and expected_daily_transactions of the facts in a table of rows.

    Lines that a later version supersedes are not facts.
    """
    connection.execute(
        f"CREATE OR REPLACE VIEW built_rows AS SELECT rows.*, product_id AS product_key, store_id AS store_key,"  # noqa: S608
        f" '' AS retailer_key FROM {rows} AS rows ANTI JOIN superseded_rows USING (date_key, transaction_id, line_id)"
    )
    for table, query, columns in (
        ("daily_sales", "summarise_build", DAILY_SALES),
        ("daily_transactions", "summarise_build_transactions", DAILY_TRANSACTIONS),
    ):
        casts = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in columns.items())
        body = statement(query).strip().rstrip(";")
        connection.execute(f"CREATE OR REPLACE TABLE expected_{table}{suffix} AS SELECT {casts} FROM ({body})")  # noqa: S608


def _within(baselines: Mapping[date, Baseline], wanted: Baseline) -> str:
    return _dates([day for day, each in baselines.items() if each is wanted])


def _dates(days: Collection[date]) -> str:
    return f"date_key IN ({', '.join(str(date_key(day)) for day in sorted(days))})" if days else "false"
