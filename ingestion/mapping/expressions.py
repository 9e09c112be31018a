"""DuckDB expressions that read a cell's `text`: its typed value, and the reject reason if it has none.

The rules are those of `SalesRecord`, written again for columns; `test_agreement.py` compares both on generated files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingestion.mapping.layout_parts import ALLOWED_TEXTS, FIELD_TYPES, Check, Format
from ingestion.mapping.sql_text import literal, literals
from ingestion.models.columns import MEMBER_FIELDS
from ingestion.models.reject_reasons import RejectReason
from shared.reserved_ids import RESERVED_IDS

_MOST_CHARACTERS = 40
_GROUPED = "-?[0-9]{1,3}([., '][0-9]{3})+([.,][0-9]+)?"
_CONTROL = "[\\x00-\\x1f\\x7f]"


@dataclass(frozen=True)
class Fault:
    """A condition under which a value is rejected, with the reason as messages end: `column 'Y': reason`."""

    condition: str
    code: RejectReason
    reason: str


def longest(field: str) -> int:
    """The maximum length of a text field in the contract."""
    return 64 if field.endswith("_id") else 255


def text_faults(field: str) -> list[Fault]:
    """Why a text is rejected, over its trimmed `value`."""
    most = longest(field)
    if field in ALLOWED_TEXTS:
        allowed = ALLOWED_TEXTS[field]
        return [Fault(f"value NOT IN ({literals(allowed)})", RejectReason.NOT_ALLOWED, f"not {' or '.join(allowed)}")]
    reserved = [
        Fault(f"value IN ({literals(RESERVED_IDS)})", RejectReason.RESERVED_ID, "reserved for what is unknown")
    ]  # fmt: skip
    return [
        *(reserved if field in MEMBER_FIELDS else []),
        Fault(f"length(value) > {most}", RejectReason.TOO_LONG, f"longer than {most} characters"),
        Fault(
            f"regexp_matches(value, {literal(_CONTROL)})",
            RejectReason.CONTROL_CHARACTER,
            "contains a control character",
        ),
    ]


def number_pattern(marks: Format) -> str:
    """A regular expression for the complete text of a number, as the layout says numbers are written."""
    integer = "[0-9]+"
    if marks.thousands:
        integer = f"([0-9]+|[0-9]{{1,3}}({re.escape(marks.thousands)}[0-9]{{3}})+)"
    return f"-?{integer}({re.escape(marks.decimal)}[0-9]+)?"


def plain_number(marks: Format, cell: str) -> str:
    """`cell`, the text of a number, with a decimal point and without thousands separators."""
    expression = cell
    if marks.thousands:
        expression = f"replace({expression}, {literal(marks.thousands)}, '')"
    return f"replace({expression}, ',', '.')" if marks.decimal == "," else expression


def digits(field: str) -> tuple[int, int]:
    """Digits before and after the point that the contract allows for a number."""
    found = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", FIELD_TYPES[field])
    assert found is not None  # noqa: S101 - number fields are decimals
    precision, scale = int(found[1]), int(found[2])
    return precision - scale, scale


def number_value(field: str) -> str:
    """`plain` as the contract's decimal; NULL if it is not a number or has too many digits. Never rounded."""
    return f"CASE WHEN is_number AND {_fits(field)} THEN plain::{FIELD_TYPES[field]} END"


def minor_units(amount: str, exponent: str) -> str:
    """The text of an amount in minor units, as `1250E-2`; '' without an amount."""
    return f"CASE WHEN {amount} = '' THEN '' ELSE {amount} || 'E-' || {exponent} END"


def plain_minor_units() -> str:
    """`text` as `minor_units` writes it, with a decimal point."""
    integer = "ltrim(split_part(text, 'E', 1), '-')"
    exponent = "TRY_CAST(regexp_extract(text, 'E-([0-6])$', 1) AS INTEGER)"  # a large one would pad without end
    padded = f"lpad({integer}, greatest({exponent} + 1, length({integer}))::INTEGER, '0')"
    point = f"left({padded}, length({padded}) - {exponent}) || '.' || right({padded}, {exponent})"
    return f"CASE WHEN text LIKE '-%' THEN '-' ELSE '' END || CASE WHEN {exponent} > 0 THEN {point} ELSE {integer} END"


def number_faults(field: str, marks: Format, cell: str) -> list[Fault]:
    """Why a number is rejected, over `text`, `plain` and `is_number`."""
    before_point, scale = digits(field)
    hint = "" if marks.thousands else " (a thousands separator is read only if the layout declares it)"
    return [
        Fault(f"length(text) > {_MOST_CHARACTERS}", RejectReason.TOO_MANY_DIGITS, "too many characters"),
        Fault(
            f"NOT is_number AND regexp_full_match({cell}, {literal(_GROUPED)})",
            RejectReason.NOT_A_NUMBER, f"not a number{hint}",
        ),
        Fault("NOT is_number", RejectReason.NOT_A_NUMBER, "not a number"),
        Fault(
            f"NOT ({_fits(field)})", RejectReason.TOO_MANY_DIGITS,
            f"more than {before_point} digits before the point or {scale} after it; numbers are never rounded",
        ),
    ]  # fmt: skip


def is_number(marks: Format, cell: str) -> str:
    """Whether `cell` is written as a number."""
    return f"length(text) <= {_MOST_CHARACTERS} AND regexp_full_match({cell}, {literal(number_pattern(marks))})"


def is_minor_units() -> str:
    """Whether `text` is an integer amount whose currency has at most 6 decimals."""
    return "regexp_full_match(text, '-?[0-9]{1,38}E-[0-6]')"


def _fits(field: str) -> str:
    before_point, scale = digits(field)
    before = "length(ltrim(split_part(ltrim(plain, '-'), '.', 1), '0'))"
    after = "length(rtrim(split_part(plain, '.', 2), '0'))"
    return f"{before} <= {before_point} AND {after} <= {scale}"


def check_faults(check: Check, value: str = "value") -> list[Fault]:
    """Why a layout's check rejects a typed value."""
    faults: list[Fault] = []
    if check.matches is not None:
        faults.append(
            Fault(f"NOT regexp_full_match({value}::VARCHAR, {literal(check.matches)})", RejectReason.INVALID_FORMAT,
                  f"does not match {check.matches}")
        )  # fmt: skip
    if check.one_of is not None:
        faults.append(
            Fault(f"{value}::VARCHAR NOT IN ({literals(check.one_of)})", RejectReason.NOT_ALLOWED,
                  f"is not one of {', '.join(check.one_of[:10])}")
        )  # fmt: skip
    if check.at_least is not None:
        faults.append(Fault(f"{value} < {check.at_least}", RejectReason.OUT_OF_RANGE, f"less than {check.at_least}"))
    if check.at_most is not None:
        faults.append(Fault(f"{value} > {check.at_most}", RejectReason.OUT_OF_RANGE, f"more than {check.at_most}"))
    return faults


def first_fault(faults: list[Fault], what: str) -> str:
    """A CASE over faults in their order: the `code` or `reason` of the first one, else NULL."""
    if not faults:
        return "NULL::VARCHAR"
    cases = " ".join(f"WHEN {fault.condition} THEN {literal(str(getattr(fault, what)))}" for fault in faults)
    return f"CASE {cases} END"
