"""DuckDB expressions that read a cell's `text`: its typed value, and the reject reason if it has none.

The rules are those of `SalesRecord`, written again for columns; `test_agreement.py` compares both on generated files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingestion.mapping.file_format import Format
from ingestion.mapping.layout_parts import ALLOWED_TEXTS, FIELD_TYPES, Check
from ingestion.mapping.number_texts import number_pattern, unread_reasons
from ingestion.mapping.sql_text import literal, literals
from ingestion.models.columns import MEMBER_FIELDS
from ingestion.models.reject_reasons import RejectReason
from shared.reserved_ids import RESERVED_IDS

_MOST_CHARACTERS = 40
CONTROL = "[\\x00-\\x1f\\x7f]"
"""A regular expression for one control character."""


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
            f"regexp_matches(value, {literal(CONTROL)})",
            RejectReason.CONTROL_CHARACTER,
            "contains a control character",
        ),
    ]


def digits(field: str) -> tuple[int, int]:
    """Digits before and after the point that the contract allows for a number."""
    found = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", FIELD_TYPES[field])
    assert found is not None  # noqa: S101 - number fields are decimals
    precision, scale = int(found[1]), int(found[2])
    return precision - scale, scale


def number_value(field: str) -> str:
    """`plain` as the contract's decimal; NULL if it is not a number or has too many digits. Never rounded."""
    return f"CASE WHEN is_number AND {_fits(field)} THEN plain::{FIELD_TYPES[field]} END"


def number_faults(field: str, marks: Format) -> list[Fault]:
    """Why a number is rejected, over `text`, `number`, `plain` and `is_number`."""
    before_point, scale = digits(field)
    unread = unread_reasons(marks, "text", "number")
    return [
        Fault(f"length(text) > {_MOST_CHARACTERS}", RejectReason.TOO_MANY_DIGITS, "too many characters"),
        *(Fault(f"NOT is_number AND {where}", RejectReason.NOT_A_NUMBER, reason) for where, reason in unread),
        Fault("NOT is_number", RejectReason.NOT_A_NUMBER, "not a number"),
        Fault(
            f"NOT ({_fits(field)})", RejectReason.TOO_MANY_DIGITS,
            f"more than {before_point} digits before the point or {scale} after it; numbers are never rounded",
        ),
    ]  # fmt: skip


def is_number(marks: Format) -> str:
    """Whether `number`, which is what is left of `text` without its signs, is written as a number."""
    return f"length(text) <= {_MOST_CHARACTERS} AND regexp_full_match(number, {literal(number_pattern(marks))})"


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
