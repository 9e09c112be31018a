"""Explains why the totals of a source differ from quantity x price: what they include, as far as the rows show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import combinations
from typing import NamedTuple

import duckdb

from ingestion.mapping.classification import measured
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.number_texts import plain_number, signed_number
from ingestion.mapping.sql_text import trimmed
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import TOTAL_TOLERANCE

_MOST_ROWS, _MOST_COLUMNS, _MOST_PARTS = 500, 10, 3
_CENT = Decimal("0.01")


class _Difference(NamedTuple):
    more: Decimal
    """Total less quantity x price."""
    exact: Decimal
    parts: Sequence[Decimal | None]
    """The numbers in the other columns."""


def explain_totals(connection: duckdb.DuckDBPyConnection, layout: SourceMapping, cells: Mapping[str, str]) -> str:
    """A sentence about rows that were rejected as TOTAL_MISMATCH; '' if there are none."""
    others = _other_columns(layout, cells)
    found = list(_differences(connection, layout, cells, others))
    if not found:
        return ""
    name = " + ".join(layout.columns["total_amount"].headers)
    sign, amount = ("more", 1) if sum(each.more for each in found) > 0 else ("less", -1)
    by = f"{abs(sum((each.more for each in found), Decimal(0))):,.2f} in {len(found):,} rows"
    if parts := _sum_of(found, others, amount):
        what = " + ".join(parts)
        how = f"{name} is {sign} than quantity x price by exactly {what} ({by})"
    elif (share := _constant_share(found)) is not None:
        how = (
            f"{name} is always {abs(share):f}% {sign} than quantity x price ({by}), as if it included a tax or discount"
        )
    else:
        how = f"{name} is {sign} than quantity x price ({by})"
    of_discount = ", map it to `net_amount` if it is what was paid after a discount" if amount < 0 else ""
    return (
        f" {how}. Do not map it to `total_amount`{of_discount}, or, if it is what was paid, leave `unit_price` out: the"
        " price then follows from the total."
    )


def _other_columns(layout: SourceMapping, cells: Mapping[str, str]) -> list[str]:
    mapped = {header for source in layout.columns.values() for header in source.headers}
    return [name for name in cells if name not in mapped][: _MOST_COLUMNS * 5]


def _differences(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    cells: Mapping[str, str],
    others: Sequence[str],
) -> Iterator[_Difference]:
    texts = "".join(f", {_plain(layout, cells[name])}" for name in others)
    rows = connection.execute(
        f"WITH {measured(layout)} SELECT bad.signed_total, bad.exact_amount{texts} FROM measured AS bad"
        f" JOIN source_rows AS s ON s.rowid = bad.source_row WHERE line_fault = '{RejectReason.TOTAL_MISMATCH}'"
        f" AND NOT has_bad_field LIMIT {_MOST_ROWS}"
    ).fetchall()
    for total, exact, *parts in rows:
        sign = -1 if exact < 0 else 1
        yield _Difference(sign * (total - exact), abs(exact), [_decimal(part) for part in parts])


def _plain(layout: SourceMapping, cell: str) -> str:
    return plain_number(layout.format, signed_number(layout.format, trimmed(cell), is_money=True))


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text or "0")
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _sum_of(found: Sequence[_Difference], others: Sequence[str], sign: int) -> list[str]:
    """The fewest columns that add up to the difference in every row."""
    numbers = [
        place
        for place in range(len(others))
        if all(each.parts[place] is not None for each in found) and any(each.parts[place] for each in found)
    ][:_MOST_COLUMNS]
    for size in range(1, _MOST_PARTS + 1):
        for places in combinations(numbers, size):
            if all(
                abs(sign * each.more - sum((abs(each.parts[place] or Decimal(0)) for place in places), Decimal(0)))
                <= TOTAL_TOLERANCE
                for each in found
            ):
                return [others[place] for place in places]
    return []


def _constant_share(found: Sequence[_Difference]) -> Decimal | None:
    """By how many percent each total differs, to a tenth, if it is the same share of every row."""
    exact = sum((each.exact for each in found), Decimal(0))
    if not exact:
        return None
    share = round(sum((each.more for each in found), Decimal(0)) / exact * 100, 1)
    fits = all(abs(each.more - each.exact * share / 100) <= _CENT for each in found)
    return share if fits and share else None
