"""Maps single rows of a source as a listing's rows are mapped."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Any

import duckdb

from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.single_rows import read_row
from ingestion.models.retailer_data import SalesRecord
from shared.errors import RejectRecord


class MappedRows:
    """The rows of a source with this mapping."""

    def __init__(self, mapping: SourceMapping) -> None:
        self._mapping = mapping

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config={"threads": 1})
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def record(self, row: Any) -> SalesRecord:
        """The record of a row with one line. Raises RejectRecord."""
        return read_row(self._connection, self._mapping, row)

    def code(self, row: Any) -> str:
        """Why a row is rejected."""
        try:
            record = self.record(row)
        except RejectRecord as error:
            return error.code
        raise AssertionError(f"not rejected: {record}")

    def rejected_amount(self, row: Any) -> tuple[str, Decimal] | None:
        """Currency and signed amount of a rejected row, if they can be read."""
        self.code(row)
        [(currency, amount)] = self._connection.execute("SELECT currency, net_amount FROM rejected_rows").fetchall()
        return None if amount is None else (currency, amount)
