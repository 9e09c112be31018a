"""Measures the refresh of the six views and the BI example queries."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import psycopg2

import materialized_views.refresh_views
from benchmarks.process_watch import Cost, watched
from benchmarks.results import Timing
from benchmarks.stack import LoadTarget, Stack
from shared.config import PROJECT_ROOT
from shared.database import read_sql

QUERIES = PROJECT_ROOT / "docs" / "bi_queries"


def query_files() -> Sequence[Path]:
    """The example queries in order."""
    return sorted(QUERIES.glob("*.sql"))


def question(path: Path) -> str:
    """The question behind a query: its first comment line."""
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("--").strip()


def refreshes(stack: Stack, target: LoadTarget, repetitions: int) -> tuple[Timing, Timing]:
    """The first filling of all six views, and their refresh with CONCURRENTLY, as in every run."""
    first, repeated = Timing(), Timing()
    for repetition in range(repetitions + 1):
        stack.settle()
        with watched(stack.servers()) as cost:
            result = materialized_views.refresh_views.run(settings=target.settings, run_id=f"bench-{repetition}")
        timing = repeated if repetition else first
        timing.costs.append(cost)
        for view in result.views:
            timing.steps.setdefault(view.view, []).append(view.seconds)
        timing.rows = sum(view.rows for view in result.views)
    return first, repeated


def queries(target: LoadTarget, repetitions: int) -> dict[str, Timing]:
    """Each example query as the read-only role: sent, run and fetched. A first run that fills caches is discarded."""
    timings = {}
    connection = psycopg2.connect(target.warehouse.reader_dsn)
    try:
        connection.autocommit = True
        for path in query_files():
            with connection.cursor() as cursor:
                timings[path.stem] = _timed(cursor, read_sql(path), repetitions)
    finally:
        connection.close()
    return timings


def _timed(cursor: psycopg2.extensions.cursor, query: str, repetitions: int) -> Timing:
    timing = Timing()
    for repetition in range(repetitions + 1):
        started = time.perf_counter()
        cursor.execute(query)
        rows = cursor.fetchall()
        if repetition:
            timing.costs.append(Cost(seconds=time.perf_counter() - started))
        timing.rows = len(rows)
    return timing
