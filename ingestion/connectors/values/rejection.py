"""Builds the rejection of a value that a retailer reports, with a stable reason code."""

from __future__ import annotations

from ingestion.models.reject_reasons import RejectReason
from shared.errors import RejectRecord

_SHOWN_CHARACTERS = 60


def reject(reason: RejectReason, message: str) -> RejectRecord:
    """The error that rejects a value."""
    return RejectRecord(reason.value, message)


def missing(field: str) -> RejectRecord:
    """The rejection of a required field that is missing."""
    return reject(RejectReason.MISSING_FIELD, f"{field} is missing")


def shown(value: object) -> str:
    """A source's value, shortened for a message."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"
