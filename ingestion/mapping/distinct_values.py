"""SQL that reads the distinct texts of a field: text, rows, is_empty, value, code, reason, flag, sign_currency.

`flag` is the code of a rule if the value is not what was written, or is most likely not what was meant.
"""

from __future__ import annotations

from ingestion.mapping.expressions import (
    CONTROL,
    Fault,
    check_faults,
    first_fault,
    is_number,
    longest,
    number_faults,
    number_value,
    text_faults,
)
from ingestion.mapping.layout_parts import ALLOWED_TEXTS, FIELD_TYPES, NUMBER_FIELDS, QUANTITY_FIELDS, FieldSource
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.number_texts import (
    PERCENT_SIGN,
    is_minor_units,
    plain_minor_units,
    plain_number,
    sign_currency,
    signed_number,
)
from ingestion.mapping.sql_text import cell, literal, literals, trimmed
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import GUEST
from shared.currencies import CURRENCIES

CLEANED_TEXT, DAMAGED_CODE, SPREADSHEET_CODE = "CLEANED_TEXT", "DAMAGED_CODE", "SPREADSHEET_CODE"
_CODES = ("currency", "line_type")
_DAMAGED = r"[0-9](\.[0-9]+)?E\+[0-9]{2}"
"""What Excel makes of a long number, such as a barcode."""
_AS_TEXT = r'^="([^"]*)"$'
"""A formula, and below an apostrophe, with which a code is kept as a text in Excel."""
_APOSTROPHE = "^'([0-9]+)$"


def values_query(layout: SourceMapping, field: str, source: FieldSource, distinct: str) -> str:
    """The SQL that reads a field other than a time. `distinct` is the SQL of its texts, with the rows of each."""
    reading = _number if field in NUMBER_FIELDS else _text
    return reading(layout, field, source, distinct)


def missing_fault(layout: SourceMapping, field: str) -> list[Fault]:
    """Why an empty value is rejected, if it is."""
    # JSON can say that there is no customer, with null. An empty text is an identifier that is missing.
    required = layout.requires(field) or (field == "customer_id" and layout.is_json)
    return [Fault("value IS NULL AND is_empty", RejectReason.MISSING_FIELD, "missing")] if required else []


def layout_checks(layout: SourceMapping, field: str) -> list[Fault]:
    """The layout's checks of a field's values. Limits are for unsigned measures; totals are checked later."""
    value = "abs(value)" if field in NUMBER_FIELDS else "value"
    return [
        fault
        for check in layout.checks
        if check.field == field and check.severity == "error" and field != "total_amount"
        for fault in check_faults(check, value)
    ]


def _replacement(layout: SourceMapping, field: str, source: FieldSource) -> str | None:
    if source.when_missing is not None and source.when_missing.use == "default":
        return source.when_missing.value
    return GUEST if field == "customer_id" and not layout.demands(field) else None


def _text(layout: SourceMapping, field: str, source: FieldSource, distinct: str) -> str:
    replacement = _replacement(layout, field, source)
    own_text = f"nullif({cell(is_exact=layout.is_json) if field in _CODES else trimmed('text')}, '')"
    read, flag = _as_meant(layout, field)
    value = "read"
    if replacement is not None:
        is_replaced = "text = ''" if layout.is_json else "read IS NULL"
        value = f"CASE WHEN {is_replaced} THEN {literal(replacement)} ELSE read END"
    own = text_faults(field)
    if field == "currency":
        own.insert(0, _unknown_currency())
    elif field == "line_type" and layout.is_json:
        own = []  # only compared with known values, never stored
    faults = [*missing_fault(layout, field), *own, *layout_checks(layout, field)]
    return (
        f"WITH own_texts AS (SELECT text, rows, {own_text} AS own FROM ({distinct})),"
        f" texts AS (SELECT text, rows, own, {read} AS read FROM own_texts),"
        f" read AS (SELECT text, rows, read IS NULL AS is_empty, {value} AS value, {flag} AS flag FROM texts)"
        f" SELECT text, rows, is_empty, value, {first_fault(faults, 'code')} AS code,"
        f" {first_fault(faults, 'reason')} AS reason, flag, NULL::VARCHAR AS sign_currency FROM read"
    )


def _as_meant(layout: SourceMapping, field: str) -> tuple[str, str]:
    """SQL over `own`, a trimmed text or NULL: the text that is meant, and over both the flag of its rule."""
    if field == "line_type" or field in ALLOWED_TEXTS or (layout.is_json and field.endswith("_id")):
        return "own", "NULL::VARCHAR"
    if field == "currency":
        return "upper(own)", "NULL::VARCHAR"
    if field.endswith("_id"):
        code = (
            f"CASE WHEN starts_with(own, '=') THEN nullif(regexp_replace(own, {literal(_AS_TEXT)}, '\\1'), '')"
            f" WHEN starts_with(own, '''') THEN regexp_replace(own, {literal(_APOSTROPHE)}, '\\1') ELSE own END"
        )
        flag = (
            f"CASE WHEN read <> own THEN '{SPREADSHEET_CODE}' WHEN contains(read, 'E+') AND"
            f" regexp_full_match(read, {literal(_DAMAGED)}) THEN '{DAMAGED_CODE}' END"
        )
        return code, flag
    most = longest(field)
    printed = trimmed(f"regexp_replace(own, {literal(CONTROL + '+')}, ' ', 'g')")
    is_bare = f"length(own) <= {most} AND NOT regexp_matches(own, {literal(CONTROL)})"
    cleaned = f"CASE WHEN {is_bare} THEN own ELSE nullif({trimmed(f'left({printed}, {most})')}, '') END"
    return cleaned, f"CASE WHEN read IS DISTINCT FROM own THEN '{CLEANED_TEXT}' END"


def _unknown_currency() -> Fault:
    return Fault(
        f"value NOT IN ({literals(sorted(CURRENCIES))})", RejectReason.UNKNOWN_CURRENCY, "not an ISO 4217 currency"
    )


def _number(layout: SourceMapping, field: str, source: FieldSource, distinct: str) -> str:
    replacement = _replacement(layout, field, source)
    marks, text, is_money = layout.format, cell(is_exact=layout.is_json), field not in QUANTITY_FIELDS
    if source.unit == "percent":
        text = f"regexp_replace({text}, {literal(PERCENT_SIGN)}, '')"
    plain, is_written_so = plain_number(marks, "number"), is_number(marks)
    if source.minor_units is not None:
        plain, is_written_so = plain_minor_units(), is_minor_units()
    value = (
        number_value(field)
        if replacement is None
        else f"CASE WHEN is_empty THEN {replacement}::{FIELD_TYPES[field]} ELSE {number_value(field)} END"
    )
    faults = [
        *missing_fault(layout, field),
        *(
            Fault(f"NOT is_empty AND {fault.condition}", fault.code, fault.reason)
            for fault in number_faults(field, marks)
        ),
        *layout_checks(layout, field),
    ]
    return (
        f"WITH texts AS (SELECT text, rows, {text} AS own FROM ({distinct})),"
        f" numbers AS (SELECT text, rows, own = '' AS is_empty, {signed_number(marks, 'own', is_money=is_money)} AS"
        f" number, {sign_currency(marks, 'own', is_money=is_money)} AS sign_currency FROM texts),"
        f" plain AS (SELECT *, {plain} AS plain, {is_written_so} AS is_number FROM numbers),"
        f" read AS (SELECT *, {value} AS value FROM plain)"
        f" SELECT text, rows, is_empty, value, {first_fault(faults, 'code')} AS code,"
        f" {first_fault(faults, 'reason')} AS reason, NULL::VARCHAR AS flag, sign_currency FROM read"
    )
