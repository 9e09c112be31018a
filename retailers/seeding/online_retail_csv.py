"""Reads a CSV in the layout of the Online Retail data set as sales."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from retailers.seeding.receipts import Kind

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
_CENTS, _MILLS = Decimal("0.01"), Decimal("0.001")


class UnreadableCsvError(Exception):
    """The CSV cannot be replayed; the message is one line with file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Minute:
    """The time of a row, with the texts that are made from it repeatedly. `local` has no time zone."""

    at: datetime
    epoch: int
    date: date
    text: str
    local: str
    day: str


@dataclass(frozen=True, slots=True)
class Price:
    """A price, as text with at least two decimals, and how many decimals it needs: 2 or 3."""

    amount: Decimal
    text: str
    exponent: int


@dataclass(frozen=True, slots=True)
class ReplayedRow:
    """One row. `quantity` is positive for returns; `repeated` says that an equal row came before it."""

    invoice: str
    product: str
    description: str | None
    quantity: int
    minute: Minute
    price: Price
    customer: str | None
    country: str
    kind: Kind
    repeated: bool

    @property
    def amount(self) -> Decimal:
        """Quantity times price; positive for a return."""
        return self.price.amount * self.quantity

    @property
    def amount_text(self) -> str:
        """What the row adds to the day's total, with at least two decimals; negative for a return."""
        return _plain(-self.amount if self.kind is Kind.RETURN else self.amount)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    places = len(text) - text.find(".") - 1 if "." in text else 0
    return text if places >= 2 else f"{number:.2f}"


@lru_cache(maxsize=10_000)
def _price(text: str) -> Price:
    amount = Decimal(text)
    if amount != amount.quantize(_MILLS):
        raise ValueError(f"the price {text} has more than three decimals")
    return Price(amount, _plain(amount), 2 if amount == amount.quantize(_CENTS) else 3)


def _open_zstd(path: Path) -> IO[bytes]:
    """Open a zstd file with the first library that is installed."""
    for name in ("compression.zstd", "zstandard"):
        try:
            opened: IO[bytes] = importlib.import_module(name).open(path, "rb")
            return opened
        except ModuleNotFoundError:
            continue
    try:
        arrow = importlib.import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise UnreadableCsvError(f"{path} is zstd, and no library for it is installed; unpack it first") from error
    stream: IO[bytes] = arrow.CompressedInputStream(arrow.OSFile(str(path), "rb"), "zstd")
    return stream


def open_csv(path: Path) -> IO[bytes]:
    """The bytes of a CSV that may be compressed, by its ending. Raises UnreadableCsvError."""
    if path.suffix == ".gz":
        return io.BufferedReader(gzip.open(path, "rb"))
    return _open_zstd(path) if path.suffix == ".zst" else path.open("rb")


def _kind(invoice: str, quantity: int) -> Kind:
    if invoice.startswith("C"):
        return Kind.RETURN
    return Kind.ADJUSTMENT if invoice.startswith("A") or quantity < 0 else Kind.SALE


@lru_cache(maxsize=10_000)
def _minute(text: str, zone: ZoneInfo) -> Minute:
    day, _, clock = text.partition(" ")
    month, number, year = day.split("/")
    hour, minute = clock.split(":")
    at = datetime(int(year), int(month), int(number), int(hour), int(minute), tzinfo=zone)
    return Minute(at, int(at.timestamp()), at.date(), str(at), str(at.replace(tzinfo=None)), str(at.date()))


def replayed_rows(path: Path, zone: ZoneInfo) -> Iterator[ReplayedRow]:
    """The rows of the file in its order. Raises UnreadableCsvError. Keeps a digest of each row to detect repeats."""
    seen: set[bytes] = set()
    with open_csv(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        if tuple(next(reader, ())) != COLUMNS:
            raise UnreadableCsvError(f"{path} does not begin with the header {','.join(COLUMNS)}")
        for fields in reader:
            try:
                yield _row(fields, zone, seen)
            except (ValueError, InvalidOperation) as error:
                raise UnreadableCsvError(f"{path} line {reader.line_num} is not a sale: {error}") from error


def _row(fields: list[str], zone: ZoneInfo, seen: set[bytes]) -> ReplayedRow:
    invoice, product, description, quantity_text, sold_at, price, customer, country = fields
    quantity = int(quantity_text)
    kind = _kind(invoice, quantity)
    content = _digest(fields)
    repeated = content in seen
    seen.add(content)
    return ReplayedRow(
        invoice, product, description or None, abs(quantity) if kind is Kind.RETURN else quantity,
        _minute(sold_at, zone), _price(price), customer or None, country, kind, repeated,
    )  # fmt: skip


def _digest(fields: list[str]) -> bytes:
    return blake2b("\x1f".join(fields).encode(), digest_size=16).digest()
