"""Completes the draft of a source whose records are JSON: where they are, and which types their values have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import duckdb

from ingestion.drafting.draft import Wanted, draft
from ingestion.drafting.entries import Draft, Entry
from ingestion.drafting.read_json import JsonSample
from ingestion.mapping.layout_parts import NUMBER_FIELDS

_PLACEHOLDER = "https://api.example.com/sales"
_AUTH = (
    "how does the API authenticate? Name the secret: `auth: {kind: header, name: X-API-Key, value: {secret: NAME}}`."
)
_PAGES = "which parameters choose a business date, and how does the API page? See docs/connectors/rest.md."
_IS_NOT_EXACT = (
    "it is sent as a JSON number with decimals. Texts or the smallest unit are exact; can the API send them?"
)


def draft_json(
    connection: duckdb.DuckDBPyConnection, found: JsonSample, origin: str, wanted: Wanted, url: str
) -> Draft:
    """The definition of an API. `url`: from which the sample was fetched; '' for one from a file."""
    drafted = draft(connection, found.sample, origin, wanted)
    columns = tuple(_typed(entry, found) for entry in drafted.columns)
    rows: dict[str, Any] = {}
    if found.lines:
        rows["lines"] = found.lines
    if found.may_be_null:
        rows["may_be_null"] = list(found.may_be_null)
    return replace(drafted, head=_head(drafted, found, url), format=(), columns=columns, rows=rows)


def draft_records(connection: duckdb.DuckDBPyConnection, found: JsonSample, origin: str, wanted: Wanted) -> Draft:
    """The definition of files with such records."""
    drafted = draft(connection, found.sample, origin, wanted)
    places = {"records": found.rows_at, "lines": found.lines}
    return replace(drafted, format=(*(Entry(key, at) for key, at in places.items() if at), *drafted.format))


def _head(drafted: Draft, found: JsonSample, url: str) -> tuple[Entry, ...]:
    address = urlsplit(url or _PLACEHOLDER)
    checks = (_AUTH,) if url else ("what is the address of the API?", _AUTH)
    api: dict[str, Any] = {"path": address.path or "/"}
    if found.rows_at:
        api["rows"] = found.rows_at
    api |= {"parameters": {"date": "{day}"}, "pagination": {"kind": "none"}}
    kept = [entry for entry in drafted.head if entry.key not in ("connector", "schedule")]
    return (
        *kept[:2],
        Entry("connector", "rest"),
        Entry("enabled", False, ("Remove this line when retail sources preview shows what you expect.",)),
        *kept[2:],
        Entry("connection", {"url": f"{address.scheme}://{address.netloc}"}, checks=checks),
        Entry("api", api, checks=(_PAGES,)),
    )


def _typed(entry: Entry, found: JsonSample) -> Entry:
    """The entry with the type of its values, where they are not texts."""
    value = entry.value if isinstance(entry.value, dict) else {"column": entry.value}
    names = [*value.get("columns", ()), *value.get("first_of", ()), *([value["column"]] if "column" in value else [])]
    types = {found.types[name] for name in names}
    if types <= {"text"}:
        return entry
    checks = entry.checks
    kind = next(iter(types)) if len(types) == 1 else "mixed"
    if kind == "mixed":
        return replace(entry, checks=(*checks, "its values have several types, of which only one is accepted."))
    if kind == "number" and entry.key in NUMBER_FIELDS:
        checks = (*checks, _IS_NOT_EXACT)
    return replace(entry, value={**value, "type": kind}, checks=checks)
