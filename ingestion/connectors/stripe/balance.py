"""The control report of Stripe: what its balance transactions say of the charges and refunds of a date.

Balance transactions are Stripe's own accounting, and a list of their own. They are dated when the balance changed, and
so a charge that is captured or succeeds days later is looked for in the days after the date, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ingestion.connectors.stripe.amounts import amount_of, currency_of
from ingestion.connectors.stripe.payments import charged, refunded

TYPES = ("charge", "payment", "refund", "payment_refund", "refund_failure", "payment_failure_refund")
"""Types of balance transactions. Fees are part of them; disputes, transfers and payouts are not sales."""
LATEST = timedelta(days=31)
"""How long after it was created a charge can be captured, or a payment by bank debit can succeed or fail."""
_REVERSED = ("refund_failure", "payment_failure_refund")


def money_of(booked: Mapping[str, Any]) -> tuple[str, Decimal]:
    """Currency and signed amount of a balance transaction, in the currency of its charge or refund.

    Where Stripe converted the money, the amount is that of the charge or refund: the converted one is rounded.
    """
    source = booked["source"]
    currency, own = currency_of(source["currency"]), currency_of(booked["currency"])
    if currency == own:
        return currency, amount_of("amount", booked["amount"], own)
    value = -refunded(source) if source["object"] == "refund" else charged(source)
    return currency, -value if booked["type"] in _REVERSED else value
