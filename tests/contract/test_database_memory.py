"""A date of ten times the rows needs hardly more memory, on every kind of database."""

from __future__ import annotations

import os
import resource
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.contract.test_connectors import of_each, settings_of
from tests.fakes.databases.till import COLUMNS, DATABASES, Till, row
from tests.integration.ingestion.test_memory import peak_mib

if TYPE_CHECKING:
    from tests.conftest import Say

FEW, MANY, MOST = 100_000, 1_000_000, 10_000_000
MOST_MIB = 350
RECEIPTS = {
    "postgresql": "SELECT 'R' || lpad(n::text, 9, '0') AS receipt FROM generate_series(1, {rows}) AS n",
    "mysql": "SELECT concat('R', lpad(seq, 9, '0')) AS receipt FROM seq_1_to_{rows}",
    "sqlite": "SELECT printf('R%09d', n) AS receipt FROM"
    " (WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {rows}) SELECT n FROM g)",
}
with_many_rows = of_each(each for each in DATABASES if each.connector in RECEIPTS)


@pytest.mark.long
@pytest.mark.timeout(1800)
@with_many_rows
def test_a_date_with_ten_times_the_rows_needs_hardly_more_memory(api: type[Till], say: Say) -> None:
    few, many = (peak_of(api, rows, say) for rows in (FEW, MANY))
    assert many < MOST_MIB
    assert many < few * 1.5


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.skipif("RETAIL_TEN_MILLION_ROWS" not in os.environ, reason="takes an hour and 30 GB of disk")
@with_many_rows
def test_ten_million_rows_of_one_date_are_read_within_the_memory_setting(api: type[Till], say: Say) -> None:
    assert peak_of(api, MOST, say) < MOST_MIB


def peak_of(api: type[Till], rows: int, say: Say) -> float:
    with ExitStack() as stack:
        environment, till = stack.enter_context(api(lines=((),)).served())
        till.insert(row("template"))
        names = ", ".join(f"sale_lines.{name}" for name in COLUMNS[1:])
        receipts = RECEIPTS[api.connector].format(rows=rows)
        till.execute(f"INSERT INTO sale_lines SELECT made.receipt, {names} FROM sale_lines, ({receipts}) AS made")
        module = ["tests.fakes.databases.read_date", api.definition.stem, "2024-01-15"]
        started, before = time.monotonic(), processor_seconds()
        peak = peak_mib(module, {**settings_of(api), **environment, "INGEST_LISTING_MINUTES": "110"})
        seconds, processor = time.monotonic() - started, processor_seconds() - before
        say(
            f"{api.connector}: {rows:,} rows {seconds:,.0f} s, {processor:,.0f} s of processor,"
            f" {rows / processor:,.0f} rows/s a core, {peak:,.0f} MiB"
        )
        return peak


def processor_seconds() -> float:
    """Of the commands that were run, without the servers, which are still running."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
