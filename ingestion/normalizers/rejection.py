"""Builds the rejection of a record, with a stable reason code."""

from __future__ import annotations

from pydantic import ValidationError

from ingestion.models.reject_reasons import RejectReason
from shared.errors import RejectRecord

_BY_ERROR_TYPE = {
    "missing": RejectReason.MISSING_FIELD,
    "string_too_short": RejectReason.MISSING_FIELD,
    "string_too_long": RejectReason.TOO_LONG,
    "string_pattern_mismatch": RejectReason.CONTROL_CHARACTER,
    "decimal_max_digits": RejectReason.TOO_MANY_DIGITS,
    "decimal_max_places": RejectReason.TOO_MANY_DIGITS,
    "decimal_whole_digits": RejectReason.TOO_MANY_DIGITS,
    "decimal_parsing": RejectReason.NOT_A_NUMBER,
    "finite_number": RejectReason.NOT_A_NUMBER,
    "greater_than_equal": RejectReason.SIGN_MISMATCH,
    "value_error": RejectReason.TOTAL_MISMATCH,
}
_SHOWN_CHARACTERS = 60


def reject(reason: RejectReason, message: str) -> RejectRecord:
    """The error that rejects one record."""
    return RejectRecord(reason.value, message)


def missing(field: str) -> RejectRecord:
    """The rejection of a record without a required field."""
    return reject(RejectReason.MISSING_FIELD, f"{field} is missing")


def malformed(field: str, value: object) -> RejectRecord:
    """The rejection of a field that has another type than documented."""
    return reject(RejectReason.MALFORMED, f"{field} is {shown(value)}")


def shown(value: object) -> str:
    """A source's value, shortened for a message."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"


def from_validation(error: ValidationError, field: str = "record") -> RejectRecord:
    """The contract's first validation error as a rejection. `field` names a value that is checked on its own."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or field
    if first["input"] is None:
        return missing(field)
    reason = _BY_ERROR_TYPE.get(first["type"], RejectReason.MALFORMED)
    about = "" if reason is RejectReason.TOTAL_MISMATCH else f" ({shown(first['input'])})"
    return reject(reason, f"{field}: {first['msg']}{about}")
