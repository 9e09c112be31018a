"""Flags what only shows across rows: conflicting duplicates, returns above the sale, products that became one.

Such rows are loaded as the source sent them, because it is not known which of them is wrong. The notes name examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import duckdb

from ingestion.mapping.distinct_values import DAMAGED_CODE
from ingestion.mapping.field_values import FieldValues
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.sql_text import literal

_EXAMPLES = 3
_SALE = "coalesce(original_transaction_id, transaction_id)"
"""The transaction that a line belongs to: a refund can be one of its own."""


class TransactionFlag(NamedTuple):
    """Rows of `landed_records` that a rule flags."""

    code: str
    where: str
    """SQL over `landed_records`."""
    notes: tuple[str, ...]


def transaction_flags(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, values: Mapping[str, FieldValues]
) -> list[TransactionFlag]:
    """The rules that apply to some landed rows."""
    found = [_excess_returns(connection)]
    if "line_id" in layout.columns or layout.duplicate_key:
        found.append(_conflicting_duplicates(connection, layout))
    if values["product_id"].flagged_rows:
        found.append(_shared_codes(connection))
    return [each for each in found if each is not None]


def _excess_returns(connection: duckdb.DuckDBPyConnection) -> TransactionFlag | None:
    """Transactions that gave back more than they sold, if their sale is in the files."""
    examples = _fill(
        connection,
        "excess_returns",
        f"WITH with_returns AS (SELECT DISTINCT {_SALE} AS sale FROM landed_records WHERE line_type = 'return'),"
        f" lines AS (SELECT DISTINCT {_SALE} AS sale, transaction_id, line_id, line_type, currency, net_amount"
        f" FROM landed_records SEMI JOIN with_returns ON sale = {_SALE} WHERE line_type <> 'adjustment')"
        " SELECT sale, currency, sum(net_amount) FILTER (WHERE net_amount > 0) AS sold,"
        " -sum(net_amount) FILTER (WHERE net_amount < 0) AS returned"
        " FROM lines GROUP BY sale, currency HAVING returned > sold",
    )
    if not examples:
        return None
    notes = tuple(
        f"transaction {transaction}: {returned:,.2f} {currency} were returned, {sold:,.2f} sold"
        for transaction, currency, sold, returned in examples
    )
    where = f"line_type = 'return' AND {_SALE} IN (SELECT sale FROM excess_returns)"
    return TransactionFlag("RETURNS_EXCEED_SALES", where, notes)


def _conflicting_duplicates(connection: duckdb.DuckDBPyConnection, layout: SourceMapping) -> TransactionFlag | None:
    """Rows with the same key and another amount. Versions that were changed at different times do not conflict."""
    version = ", changed_at" if "changed_at" in layout.columns else ""
    examples = _fill(
        connection,
        "conflicting_lines",
        "SELECT transaction_id, line_id, list_sort(list(DISTINCT net_amount::VARCHAR || ' ' || currency)) AS amounts"
        f" FROM landed_records GROUP BY transaction_id, line_id, business_date{version}"
        " HAVING count(*) > 1 AND count(DISTINCT (net_amount, currency)) > 1",
    )
    if not examples:
        return None
    notes = tuple(
        f"transaction {transaction}: rows of one line have the amounts {', '.join(amounts)}; the largest counts"
        for transaction, _, amounts in examples
    )
    where = "(transaction_id, line_id) IN (SELECT (transaction_id, line_id) FROM conflicting_lines)"
    return TransactionFlag("CONFLICTING_DUPLICATE", where, notes)


def _shared_codes(connection: duckdb.DuckDBPyConnection) -> TransactionFlag | None:
    """Codes that Excel damaged and that have several names: several products became one."""
    damaged = f"SELECT value FROM values_of_product_id WHERE flag = {literal(DAMAGED_CODE)}"
    examples = _fill(
        connection,
        "shared_codes",
        "SELECT product_id, list_sort(list(DISTINCT product_name)) AS names FROM landed_records"
        f" WHERE product_id IN ({damaged}) GROUP BY product_id HAVING count(DISTINCT product_name) > 1",
    )
    if not examples:
        return None
    notes = tuple(f"product {code} has the names {', '.join(names[:5])}" for code, names in examples)
    return TransactionFlag("SHARED_CODE", "product_id IN (SELECT product_id FROM shared_codes)", notes)


def _fill(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> list[tuple[Any, ...]]:
    """Create a table from a query. Returns examples of its rows."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}")
    return connection.execute(f"SELECT * FROM {table} ORDER BY ALL LIMIT {_EXAMPLES}").fetchall()
