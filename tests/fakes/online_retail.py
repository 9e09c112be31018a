"""The real Online Retail CSV, read independently of the platform, and what must come out of it."""

from __future__ import annotations

import csv
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest

from shared.config import PROJECT_ROOT

_NAME = "online_retail.csv.zst"


def find_online_retail() -> Path:
    """The file in RETAIL_TEST_DATA or ../shared/data; skips the test where there is none."""
    folder = Path(os.environ.get("RETAIL_TEST_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    if not (folder / _NAME).is_file():
        pytest.skip(f"{_NAME} is neither in RETAIL_TEST_DATA nor in ../shared/data")
    return folder / _NAME


def beginning(path: Path, target: Path, lines: int = 30_000) -> Path:
    """The file's first lines, which are some of December 2010, not packed."""
    with pyarrow.input_stream(str(path), compression="zstd") as stream:
        first = stream.read(200 * lines).split(b"\n", lines)[:lines]
    target.write_bytes(b"\n".join(first) + b"\n")
    return target


@dataclass
class DayFacts:
    """What the CSV holds of one day."""

    rows: int = 0
    distinct: int = 0
    duplicates: int = 0
    money: Decimal = Decimal(0)
    """Signed, without the duplicates."""
    duplicate_money: Decimal = Decimal(0)
    guests: int = 0
    returns: int = 0
    adjustments: int = 0
    invoices: set[str] = field(default_factory=set)


def read_days(path: Path, first: date, last: date) -> dict[date, DayFacts]:
    """Facts per day from `first` to `last`; days without sales are left out."""
    with pyarrow.input_stream(str(path), compression="zstd") as stream:
        text = stream.read().decode()
    rows: dict[date, Counter[tuple[str, ...]]] = {}
    for row in csv.reader(text.splitlines()[1:]):
        day = datetime.strptime(row[4], "%m/%d/%Y %H:%M").date()  # noqa: DTZ007 - a local calendar date
        if first <= day <= last:
            rows.setdefault(day, Counter())[tuple(row)] += 1
    return {day: _facts(counted) for day, counted in rows.items()}


def _facts(counted: Counter[tuple[str, ...]]) -> DayFacts:
    facts = DayFacts()
    for row, times in counted.items():
        invoice, quantity, price, customer = row[0], Decimal(row[3]), Decimal(row[5]), row[6]
        facts.rows += times
        facts.distinct += 1
        facts.duplicates += times - 1
        facts.money += quantity * price
        facts.duplicate_money += quantity * price * (times - 1)
        facts.guests += not customer
        facts.returns += invoice.startswith("C")
        facts.adjustments += invoice.startswith("A") or (quantity < 0 and not invoice.startswith("C"))
        facts.invoices.add(invoice)
    return facts
