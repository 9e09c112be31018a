"""Normalises the same pages row by row and in columns, and says where the results differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import orjson

from ingestion.mapping.json_rows import JsonReader
from ingestion.mapping.map_json import map_json
from ingestion.models.columnar import COLUMNS
from ingestion.models.retailer_data import FIELDS
from ingestion.normalizers import retailer1, retailer2, retailer3
from shared.currencies import CURRENCIES
from shared.errors import RejectRecord
from tests.fakes.retailer_mappings import ZONES, retailer_mapping

Rejected = dict[tuple[int, int], tuple[str, Any]]
"""Page and row, both from 1 → reason code and payload."""
TOO_LARGE = ("TOTAL_MISMATCH", "TOO_MANY_DIGITS")
"""A number that is too large for the contract also makes the total wrong. The two ways name either fault."""


@dataclass
class Outcome:
    """What one way made of the pages."""

    records: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    rejected: Rejected = field(default_factory=dict)
    amounts: dict[tuple[int, int], tuple[str, str] | None] = field(default_factory=dict)


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return round((value - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    return value


def order_lines(order: Any) -> list[retailer2.Retailer2Line]:
    """The order's lines. An order without usable lines is one item, which is then rejected."""
    lines = order.get("lines") if isinstance(order, dict) else None
    if not isinstance(lines, list) or not lines:
        return [retailer2.Retailer2Line(order, lines)]  # type: ignore[arg-type]
    return [retailer2.Retailer2Line(order, line) for line in lines]


class RowByRow:
    """The way of the normalizers."""

    def __init__(self, number: int) -> None:
        self._number = number
        zone = ZoneInfo(ZONES[number])
        normalizers: dict[int, Any] = {
            1: retailer1.Retailer1Normalizer("retailer_1"),
            2: retailer2.Retailer2Normalizer("retailer_2", zone),
            3: retailer3.Retailer3Normalizer("retailer_3", zone),
        }
        self._normalize = normalizers[number]
        self._amount: Any = {1: retailer1.net_amount, 2: retailer2.net_amount, 3: retailer3.net_amount}[number]

    def __call__(self, pages: Mapping[int, Sequence[Any]], day: date) -> Outcome:
        outcome = Outcome()
        for page, rows in pages.items():
            lines: list[Any] = [line for order in rows for line in order_lines(order)] if self._number == 2 else [*rows]
            for row, line in enumerate(lines, 1):
                try:
                    record = self._normalize(line).record
                    if record.business_date != day:
                        raise RejectRecord("WRONG_DATE", "")
                    outcome.records[tuple(_comparable(getattr(record, name)) for name in FIELDS)] += 1
                except RejectRecord as error:
                    payload = line.payload() if self._number == 2 else line
                    outcome.rejected[page, row] = error.code, payload
                    amount = self._amount(line)
                    is_counted = amount is not None and isinstance(amount[0], str) and amount[0] in CURRENCIES
                    outcome.amounts[page, row] = (amount[0], f"{amount[1] + 0:.4f}") if is_counted else None
        return outcome


class InColumns:
    """The way of the mapping."""

    def __init__(self, number: int, connection: duckdb.DuckDBPyConnection) -> None:
        self._mapping = retailer_mapping(number)
        self._reader, self._connection = JsonReader(self._mapping), connection

    def __call__(self, pages: Mapping[int, Sequence[Any]], day: date) -> Outcome:
        outcome = Outcome()
        self._connection.execute("DROP TABLE IF EXISTS rejected_rows")
        read = {number: self._reader.read(rows) for number, rows in pages.items()}
        map_json(self._connection, self._mapping, self._reader.columns, read, day)
        names = ", ".join(f"epoch_us({name})" if kind == "TIMESTAMPTZ" else name for name, kind in COLUMNS.items())
        for record in self._connection.execute(f"SELECT {names} FROM landed_records").fetchall():
            outcome.records[record] += 1
        payloads = {number: self._reader.payloads(rows) for number, rows in pages.items()}
        for page, row, code, amount, currency in self._connection.execute(
            "SELECT source_file, source_line, code, net_amount, currency FROM rejected_rows"
        ).fetchall():
            outcome.rejected[page, row] = code, payloads[page][row - 1]
            outcome.amounts[page, row] = None if amount is None else (currency, f"{amount:.4f}")
        return outcome


def differences(row_by_row: Outcome, in_columns: Outcome, *, same_code: bool = True) -> list[str]:
    """Where the two ways differ. With `same_code=False` a rejected row may have another code, as with two faults."""
    found = [f"only row by row: {record}" for record in (row_by_row.records - in_columns.records)]
    found += [f"only in columns: {record}" for record in (in_columns.records - row_by_row.records)]
    for place in sorted(row_by_row.rejected.keys() | in_columns.rejected.keys()):
        one, other = row_by_row.rejected.get(place), in_columns.rejected.get(place)
        if one is None or other is None or orjson.dumps(one[1]) != orjson.dumps(other[1]):
            found.append(f"{place}: {one and one[0]} row by row, {other and other[0]} in columns: {one or other}")
        elif same_code and (one[0], other[0]) not in ((one[0], one[0]), TOO_LARGE):
            found.append(f"{place}: {one[0]} row by row, {other[0]} in columns: {one[1]}")
        elif same_code and one[0] == other[0] and row_by_row.amounts[place] not in (None, in_columns.amounts[place]):
            found.append(f"{place}: {row_by_row.amounts[place]} row by row, {in_columns.amounts[place]} in columns")
    return found
