"""Why a record is refused: the stable codes that operators filter and count by."""

from __future__ import annotations

from enum import StrEnum


class RejectReason(StrEnum):
    """One code per thing that can be wrong with a source's record. Never renamed; new ones are added."""

    MISSING_FIELD = "MISSING_FIELD"
    """A field that every record needs is absent, null or empty."""
    MALFORMED = "MALFORMED"
    """The record, or a part of it, is not of the documented kind (a list for an object, a number for a text)."""
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    """Neither sale nor return nor adjustment."""
    NOT_A_NUMBER = "NOT_A_NUMBER"
    """A quantity or amount that cannot be read exactly, binary floats included."""
    TOO_MANY_DIGITS = "TOO_MANY_DIGITS"
    """A quantity or amount with more digits or decimals than the contract holds; nothing is ever rounded."""
    NEGATIVE_PRICE = "NEGATIVE_PRICE"
    """A sale or return at a price below zero."""
    SIGN_MISMATCH = "SIGN_MISMATCH"
    """A sale of less than nothing, or a return of more than nothing."""
    TOTAL_MISMATCH = "TOTAL_MISMATCH"
    """The line's total is not quantity x unit price."""
    UNKNOWN_CURRENCY = "UNKNOWN_CURRENCY"
    """No currency of ISO 4217."""
    INVALID_DATE = "INVALID_DATE"
    """A date or time that cannot be read, or that no calendar has."""
    TIME_DOES_NOT_EXIST = "TIME_DOES_NOT_EXIST"
    """A local time that the clocks skipped when summer time began."""
    WRONG_DATE = "WRONG_DATE"
    """The record belongs to another business date than the one asked for."""
    TOO_LONG = "TOO_LONG"
    """A text longer than the contract allows."""
    CONTROL_CHARACTER = "CONTROL_CHARACTER"
    """A text with a control character, NUL among them, which no database or export holds safely."""
