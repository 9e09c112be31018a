"""Stripe's amounts: integers in the smallest unit that Stripe uses for a currency.

That is not always the minor unit of ISO 4217: https://docs.stripe.com/currencies.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ingestion.models.reject_reasons import RejectReason
from shared.errors import RejectRecord, shortened

_WITHOUT_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
"""ISK and UGX have no decimals either, but Stripe writes them with two."""
_THREE_DECIMALS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
_MOST_DIGITS = 14


def currency_of(given: Any) -> str:
    """The code of ISO 4217; Stripe writes it in lower case. Raises RejectRecord."""
    if not isinstance(given, str):
        raise RejectRecord(RejectReason.UNKNOWN_CURRENCY.value, f"currency is {shortened(repr(given), 60)}")
    return given.upper()


def amount_of(what: str, given: Any, currency: str) -> Decimal:
    """An amount in units of the currency. Raises RejectRecord."""
    if not isinstance(given, int) or isinstance(given, bool) or abs(given) >= 10**_MOST_DIGITS:
        raise RejectRecord(RejectReason.NOT_A_NUMBER.value, f"{what} is {shortened(repr(given), 60)}, not an integer")
    return Decimal(given).scaleb(-decimals_of(currency))


def decimals_of(currency: str) -> int:
    """How many decimals Stripe's amounts in a currency have."""
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2
