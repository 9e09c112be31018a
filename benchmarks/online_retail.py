"""Online Retail as the benchmark's file: the real one unpacked, parts of it, and multiples of it.

A multiple repeats the file with all dates 53 weeks later each time, so that weekdays and seasons stay, and with invoice
numbers that continue after those of the previous repetition, so that every invoice is new. The same number of rows
always gives the same bytes. If the real file is missing, the simulated retailers' generator makes similar rows.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow

from retailers.retailer2.market import MARKET
from retailers.seeding.receipts import Kind, Receipt
from retailers.seeding.rhythm import FIRST_DAY as FIRST_GENERATED_DAY
from retailers.seeding.sales import SalesGenerator
from shared.config import PROJECT_ROOT

ROWS = 541_909
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
_FIRST_DAY, _LAST_DAY = date(2010, 12, 1), date(2011, 12, 9)
_DAYS_APART = 53 * 7
_NUMBERS_APART = 46_000
"""More than the file's range of invoice numbers; ten repetitions still have six digits."""
_RECEIPTS_A_NUMBER = 8
"""Generated receipts are smaller than a wholesaler's invoices, so several share one invoice."""
_PACKED = "online_retail.csv.zst"
_TIME = "%-m/%-d/%Y %-H:%M"


def find_real_file() -> Path | None:
    """The packed file in RETAIL_TEST_DATA or ../shared/data, or None."""
    folder = Path(os.environ.get("RETAIL_TEST_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    return folder / _PACKED if (folder / _PACKED).is_file() else None


def describe_source() -> str:
    """A description of the file."""
    if find_real_file() is None:
        return f"{ROWS:,} generated rows in the shape of UCI Online Retail, which was missing"
    return f"UCI Online Retail (Chen, 2015), {ROWS:,} rows"


def make_source(directory: Path) -> Path:
    """Write the file of one year, uncompressed, into `directory`."""
    path, real = directory / f"online_retail_{ROWS}.csv", find_real_file()
    if real is None:
        _make_up(path)
    else:
        with pyarrow.input_stream(str(real), compression="zstd") as packed, path.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1024 * 1024)
    return path


def with_rows(source: Path, rows: int) -> Path:
    """A file of `rows` rows next to the source: its first rows, or several repetitions of it."""
    path = source.with_name(f"online_retail_{rows}.csv")
    if path.exists():
        return path
    if rows < ROWS:
        with source.open(encoding="utf-8", newline="") as lines, path.open("w", encoding="utf-8", newline="") as part:
            part.writelines(islice(lines, rows + 1))
        return path
    types = "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS) + "}"
    copies = " UNION ALL ".join(
        f"SELECT regexp_extract(InvoiceNo, '^[A-Z]*')"  # noqa: S608 - our own path
        f" || (regexp_extract(InvoiceNo, '[0-9]+$')::INTEGER + {copy * _NUMBERS_APART}) AS InvoiceNo,"
        " StockCode, Description, Quantity,"
        f" strftime(strptime(InvoiceDate, '{_TIME}') + to_days({copy * _DAYS_APART}), '{_TIME}') AS InvoiceDate,"
        f" UnitPrice, CustomerID, Country FROM read_csv('{source}', header = true, columns = {types})"
        for copy in range(-(-rows // ROWS))
    )
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        connection.execute("SET enable_progress_bar = false")
        wanted = f"SELECT * FROM ({copies}) LIMIT {rows}"  # noqa: S608 - our own path
        connection.execute(f"COPY ({wanted}) TO '{path}' (FORMAT csv, HEADER true)")
    return path


def day_after(rows: int) -> date:
    """The first day after the last one of a file of that many rows."""
    return _LAST_DAY + timedelta(days=1 + _DAYS_APART * (-(-rows // ROWS) - 1))


def _make_up(path: Path) -> None:
    generator = SalesGenerator(MARKET, seed=1, lines_per_day=1_600)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(islice(_made_up_rows(generator), ROWS))


def _made_up_rows(generator: SalesGenerator) -> Iterator[tuple[object, ...]]:
    first, moved = 536_365, _FIRST_DAY - FIRST_GENERATED_DAY
    for ahead in range((_LAST_DAY - _FIRST_DAY).days + 1):
        number = first
        for target, receipt in enumerate(generator.receipts(FIRST_GENERATED_DAY + timedelta(days=ahead))):
            number = first + target // _RECEIPTS_A_NUMBER
            yield from _rows_of(receipt, number, moved)
        first = number + 1  # an invoice is of one day


def _rows_of(receipt: Receipt, number: int, moved: timedelta) -> Iterator[tuple[object, ...]]:
    prefix = {Kind.SALE: "", Kind.RETURN: "C", Kind.ADJUSTMENT: "A"}[receipt.kind]
    sold_at = (datetime.fromtimestamp(receipt.sold_at, UTC) + moved).strftime(_TIME)
    sign = -1 if receipt.kind is Kind.RETURN else 1
    customer = receipt.customer.code[1:].lstrip("0") if receipt.customer else ""
    for line in receipt.lines:
        quantity, price = sign * line.quantity, f"{line.price / 100:.2f}"
        name = line.product.name
        yield f"{prefix}{number}", line.product.code, name, quantity, sold_at, price, customer, "United Kingdom"
