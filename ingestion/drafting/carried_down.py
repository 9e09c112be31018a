"""Finds fields of an order that only its first line has, as exports of shop systems write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ingestion.drafting.entries import Entry
from ingestion.drafting.roles import Roles
from ingestion.drafting.sample import Column, Sample

_OF_ORDERS = ("transaction_id", "sold_at", "currency", "store_id", "customer_id", "customer_name", "line_type")


def carried_down(sample: Sample, roles: Roles, entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries, with `carry_down` for each field that is empty only in further lines of its order."""
    order = roles.get("transaction_id")
    for entry in entries:
        column = roles.get(entry.key) if entry.key in _OF_ORDERS else None
        row = _first_carried(column, order) if column is not None and order is not None else None
        if row is None or column is None:
            yield entry
            continue
        note = f"{column.name} is empty in {sample.place(row)}, a further line of the order above it."
        value = entry.value if isinstance(entry.value, dict) else {"column": entry.value}
        checks = tuple(check for check in entry.checks if "is empty in some rows" not in check)
        yield replace(entry, value={**value, "carry_down": True}, notes=(*entry.notes, note), checks=checks)


def _first_carried(column: Column, order: Column) -> int | None:
    """The first row that has no value because the order above it has one. None if some row has no value otherwise."""
    found = None
    for row, text in enumerate(column.texts):
        if text:
            continue
        if row == 0 or order.texts[row] not in ("", order.texts[row - 1]):
            return None
        found = row if found is None else found
    return found
