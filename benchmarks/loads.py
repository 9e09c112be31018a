"""Loads the same file into PostgreSQL in four ways: bare COPY (the floor), `retail etl`, dlt, and the obvious way."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.process_watch import Cost, run_command, watched
from benchmarks.stack import LoadTarget, Stack
from ingestion.models.columns import render
from shared.config import PROJECT_ROOT
from shared.database import read_sql, session, transaction

ROWS_WRITTEN = ("n_tup_ins", "n_tup_upd", "n_tup_del")
_SQL = Path(__file__).parent / "sql"
_DLT = Path(__file__).with_name("dlt_load.py")
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class EtlRun:
    """One run of `retail etl`: its cost and what it printed as JSON."""

    cost: Cost
    report: Mapping[str, Any]

    @property
    def steps(self) -> dict[str, float]:
        """Seconds of each step, as the command reports them."""
        return {str(name): float(seconds) for name, seconds in self.report.get("seconds", {}).items()}


def etl(
    stack: Stack, target: LoadTarget, file: Path, *, options: Sequence[str] = (), watch_memory: bool = False
) -> EtlRun:
    """`retail etl` in its own process, from start to end."""
    command = [
        sys.executable,
        "-m",
        "cli",
        "etl",
        "--source",
        str(file),
        "--layout",
        "online_retail",
        "--json",
        *options,
    ]
    environment = {
        **target.environment,
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    stack.settle()
    cost = run_command(command, environment, stack.servers(target), watch_memory=watch_memory)
    report = json.loads(cost.output)
    cost.output = ""
    return EtlRun(cost, report)


def export_facts(dsn: str, file: Path) -> int:
    """Write the finished rows of fact_sales, in the order of its key, as COPY reads them. Returns their number."""
    with (
        session(dsn, application_name="bench") as connection,
        transaction(connection) as cursor,
        file.open("wb") as out,
    ):
        rows = "SELECT * FROM fact_sales ORDER BY date_key, retailer_key, transaction_id, line_id"
        cursor.copy_expert(f"COPY ({rows}) TO STDOUT", out)
        return cursor.rowcount


def floor(stack: Stack, database: str, facts: Path) -> Cost:
    """COPY of the finished fact rows into a table with the columns of fact_sales and nothing else."""
    stack.server.execute("DROP TABLE IF EXISTS floor", database)
    stack.server.execute("CREATE TABLE floor (LIKE fact_sales)", database)
    stack.settle()
    with (
        session(stack.server.superuser_dsn(database), application_name="bench") as connection,
        facts.open("rb") as rows,
        watched(stack.servers()) as cost,
        transaction(connection) as cursor,
    ):
        cursor.copy_expert("COPY floor FROM STDIN", rows, size=_BLOCK_BYTES)
    stack.server.execute("DROP TABLE floor", database)
    return cost


def obvious_way(stack: Stack, loaded: str, facts: Path) -> Cost:
    """Stage by COPY, then INSERT … ON CONFLICT into the months of fact_sales, which exist and are empty.

    This is far less than the complete job: rows and dimensions are finished, and nothing is read, cleaned or audited.
    """
    name, _ = stack.warehouse(copy_of=loaded)
    try:
        stack.server.execute("TRUNCATE fact_sales", name)
        stack.settle()
        with (
            session(stack.server.superuser_dsn(name), application_name="bench") as connection,
            facts.open("rb") as rows,
            watched(stack.servers()) as cost,
            transaction(connection) as cursor,
        ):
            cursor.execute("CREATE TEMP TABLE staged ON COMMIT DROP AS SELECT * FROM fact_sales WITH NO DATA")
            cursor.copy_expert("COPY staged FROM STDIN", rows, size=_BLOCK_BYTES)
            cursor.execute(render(read_sql(_SQL / "insert_on_conflict.sql")))
    finally:
        stack.server.drop_database(name)
    return cost


def dlt(stack: Stack, python: Path, method: str, file: Path, *, watch_memory: bool = False) -> Cost:
    """dlt's load of the file into one table of a new database, in its own process."""
    name = f"dlt_{method}"
    dsn = stack.server.create_database(name)
    try:
        stack.settle()
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
        return run_command(
            [str(python), str(_DLT), method, str(file), dsn], environment, stack.servers(), watch_memory=watch_memory
        )
    finally:
        stack.server.drop_database(name)


def rows_written(stack: Stack, database: str) -> dict[str, int]:
    """Rows inserted, updated and deleted so far in each fact and dimension table."""
    total = " + ".join(ROWS_WRITTEN)
    found = stack.server.execute(
        f"SELECT regexp_replace(relname, '_[0-9]{{4}}_[0-9]{{2}}$', ''), sum({total})::bigint"  # noqa: S608 - our own names
        " FROM pg_stat_user_tables WHERE relname ~ '^(fact|dim)_' GROUP BY 1",
        database,
    )
    return {str(name): int(str(count)) for name, count in found}
