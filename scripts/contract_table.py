"""The table of the fields of `SalesRecord` in docs/ARCHITECTURE.md, generated from the model."""

from __future__ import annotations

from decimal import Decimal
from types import NoneType
from typing import Any, get_args

from ingestion.models.columns import annotation_parts
from ingestion.models.retailer_data import SalesRecord

TEXT_LENGTHS = {32: "text, 1 to 32 of `a-z0-9_`", 64: "text, 1 to 64", 255: "text, 1 to 255"}


def contract_rows() -> list[list[str]]:
    """Field, kind, null and meaning, in the order of the contract."""
    schema = SalesRecord.model_json_schema(mode="serialization")
    return [
        [
            f"`{name}`",
            _kind(name, schema),
            "yes" if NoneType in get_args(field.annotation) else "no",
            str(field.description),
        ]
        for name, field in SalesRecord.model_fields.items()
    ]


def _kind(name: str, schema: dict[str, Any]) -> str:
    described = schema["properties"][name]
    if "$ref" in described:
        values = schema["$defs"][described["$ref"].rpartition("/")[2]]["enum"]
        return " · ".join(f"`{value}`" for value in values)
    one = next((each for each in described.get("anyOf", [described]) if each.get("type") != "null"), described)
    if one.get("format") == "date-time":
        return "time, UTC"
    if one.get("format") == "date":
        return "date"
    if one.get("type") == "boolean":
        return "true or false"
    decimals = _decimals(name)
    if decimals:
        return decimals
    if one.get("maxLength") in TEXT_LENGTHS:
        return TEXT_LENGTHS[one["maxLength"]]
    return {"^[A-Z]{3}$": "text, 3 capitals", "^[a-z][a-z0-9_]{0,31}$": TEXT_LENGTHS[32]}[one["pattern"]]


def _decimals(name: str) -> str | None:
    parts = annotation_parts(SalesRecord.model_fields[name])
    if Decimal not in parts:
        return None
    limits = {
        key: limit
        for part in parts
        for key in ("max_digits", "decimal_places", "ge")
        if (limit := getattr(part, key, None)) is not None
    }
    sign = ", not negative" if limits.get("ge") == 0 else ", signed"
    return f"decimal {limits['max_digits']},{limits['decimal_places']}{sign}"


def as_markdown() -> str:
    """The table, ready to be pasted."""
    head = ["| field | kind | null | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in contract_rows())])
