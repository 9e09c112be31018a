"""The first error of a rejected row: of the row itself, then of a field in the layout's order, then of the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ingestion.mapping.classification import LINE_FAULTS
from ingestion.mapping.field_values import FieldValues
from ingestion.mapping.layout_parts import NUMBER_FIELDS
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.records import fault_code
from ingestion.mapping.source_rows import RowFault, SourceRows
from ingestion.mapping.sql_text import literal
from ingestion.models.reject_reasons import RejectReason

_ABOUT_ONE_FIELD = {RejectReason.UNKNOWN_TYPE: "line_type", RejectReason.WRONG_DATE: "sold_at"}
"""Line errors that show this field, if the layout maps it, and not the measures."""


_MONEY = ("currency", *(name for name in NUMBER_FIELDS if name not in ("quantity", "unit_price")))
"""Fields that have to be read for the amount of a rejected row to be known. With a total, others need not."""


@dataclass(frozen=True)
class FirstError:
    """SQL over `measured AS bad`, `source_rows AS s` and the joined values."""

    code: str
    reason: str
    column: str
    value: str
    net_amount: str
    """The signed amount, if it and its currency can be read."""


def first_error(layout: SourceMapping, source: SourceRows, values: Mapping[str, FieldValues]) -> FirstError:
    """How to find the first error of a row that is not landed."""
    faulty = [(fault_code(layout, found, values), found) for found in values.values() if found.may_reject]
    of_row = source.row_fault or RowFault("NULL", "NULL")

    def first(of_a_row: str, of_field: Callable[[FieldValues], str], of_line: str) -> str:
        cases = f" WHEN {of_row.code} IS NOT NULL THEN {of_a_row}" if source.row_fault else ""
        cases += "".join(f" WHEN {code} IS NOT NULL THEN {of_field(found)}" for code, found in faulty)
        return f"CASE WHEN false THEN NULL{cases} ELSE {of_line} END"

    reasons = " ".join(f"WHEN {literal(code)} THEN {literal(reason)}" for code, reason in LINE_FAULTS.items())
    measures = [name for name in ("quantity", "unit_price", "total_amount") if name in values]
    headers = literal(" + ".join(values[name].header or f"(constant {name})" for name in measures))
    texts = " || ', ' || ".join(f"coalesce({values[name].text}, '')" for name in measures)
    return FirstError(
        code=first(of_row.code, lambda found: fault_code(layout, found, values), "bad.line_fault"),
        reason=first(
            of_row.reason,
            _reason,
            f"CASE bad.line_fault {reasons} END",
        ),
        column=first(
            of_row.column,
            lambda found: literal(found.header),
            _of_line(values, lambda found: literal(found.header), headers),
        ),
        value=first(of_row.value, lambda found: found.text, _of_line(values, lambda found: found.text, texts)),
        net_amount="CASE WHEN (bad.signed_total = bad.exact_amount OR bad.source_total IS NOT NULL) AND "
        + " AND ".join(f"{values[name].code} IS NULL" for name in _MONEY if name in values)
        + "".join(f" AND {fault_code(layout, found, values)} IS NULL" for found in values.values() if found.signed_rows)
        + " THEN bad.signed_amount END",
    )


def _reason(found: FieldValues) -> str:
    if not found.signed_rows:
        return f"coalesce({found.field}.reason, 'missing')"
    return f"coalesce({found.field}.reason, 'its sign is that of ' || {found.field}.sign_currency, 'missing')"


def _of_line(values: Mapping[str, FieldValues], of_field: Callable[[FieldValues], str], of_measures: str) -> str:
    cases = "".join(
        f" WHEN {literal(code)} THEN {of_field(values[field])}"
        for code, field in _ABOUT_ONE_FIELD.items()
        if field in values
    )
    return f"CASE bad.line_fault{cases} ELSE {of_measures} END" if cases else of_measures
