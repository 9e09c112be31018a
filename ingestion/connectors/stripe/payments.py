"""Charges and refunds of Stripe as rows, and what both mean for the balance.

Until 2025-03-31, a partial capture or a cancelled payment also made a refund of what was not captured. Such refunds
exist, and the balance transaction of such a charge has the amount that was authorised.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ingestion.connectors.order_rows import Line, Row, Transaction, order_row
from ingestion.connectors.stripe.amounts import amount_of, currency_of
from ingestion.models.reject_reasons import RejectReason
from shared.errors import RejectRecord

Object = Mapping[str, Any]
_NOT_PAID_BACK = ("failed", "canceled")


def row_of_charge(charge: Object) -> Row:
    """The row of a charge: one line, and another one for a tip."""
    value, tip = charged(charge), _tip(charge)
    goods = Line("1", "product", "payment", charge["description"] or "Payment", Decimal(1), value - tip)
    tips = [Line("tip", "tip", "tip", "Tip", Decimal(1), tip)] if tip else []
    return order_row(_transaction(charge, charge, total=value, is_void=not is_paid(charge)), [goods, *tips], charge)


def row_of_refund(refund: Object) -> Row:
    """The row of a refund, which has its charge in it."""
    charge, value = refund["charge"] or {}, refunded(refund)
    line = Line("1", "product", "payment", charge.get("description") or "Refund", Decimal(-1), -value)
    common = _transaction(refund, charge, total=-value, is_void=not is_paid_back(refund), original_id=charge.get("id"))
    return order_row(common, [line], refund)


def is_paid(charge: Object) -> bool:
    """Whether money was received. Where Stripe has not yet booked a charge, it is pending."""
    return charge["status"] == "succeeded" and charge["captured"] is True and bool(charge["balance_transaction"])


def is_paid_back(refund: Object) -> bool:
    """Whether money went back. Of a charge that was not captured, only an authorisation ended."""
    is_captured = (refund["charge"] or {}).get("captured", True)
    is_booked = refund["status"] == "succeeded" or bool(refund["balance_transaction"])
    return bool(is_captured) and refund["status"] not in _NOT_PAID_BACK and is_booked


def charged(charge: Object) -> Decimal:
    """What was received by a charge, or would be, in its own currency."""
    currency = currency_of(charge["currency"])
    authorised = amount_of("amount", charge["amount"], currency)
    captured = amount_of("amount_captured", charge["amount_captured"], currency) or authorised
    booked = charge["balance_transaction"]
    if captured == authorised or not isinstance(booked, dict):
        return captured
    rate = Decimal(str(booked.get("exchange_rate") or 1))
    received = amount_of("balance transaction", booked["amount"], currency_of(booked["currency"])) / rate
    return min(captured, authorised, key=lambda each: abs(each - received))


def refunded(refund: Object) -> Decimal:
    """What was paid back by a refund, in its own currency."""
    return amount_of("amount", refund["amount"], currency_of(refund["currency"]))


def created_at(given: Object) -> datetime:
    """When an object was created. Raises RejectRecord."""
    seconds = given.get("created")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds < 10**11:
        raise RejectRecord(RejectReason.INVALID_DATE.value, f"created is {seconds!r}, not a time in seconds since 1970")
    return datetime.fromtimestamp(seconds, UTC)


def _transaction(given: Object, charge: Object, **own: Any) -> Transaction:
    booked = given["balance_transaction"]
    changed_at = max(created_at(given), created_at(booked) if isinstance(booked, dict) else created_at(given))
    method = charge.get("payment_method_details") or {}
    return Transaction(
        id=given["id"],
        sold_at=_text(created_at(given)),
        changed_at=_text(changed_at),
        currency=currency_of(given["currency"]),
        is_refund=given["object"] == "refund",
        store_id="terminal" if method.get("type") == "card_present" else "online",
        customer=_customer(charge),
        **own,
    )


def _customer(charge: Object) -> Mapping[str, str | None] | None:
    customer, billing = charge.get("customer"), charge.get("billing_details") or {}
    if not customer:
        return None
    address = billing.get("address") or {}
    return {
        "id": customer if isinstance(customer, str) else customer["id"],
        "name": billing.get("name") or None,
        "city": address.get("city") or None,
        "country": address.get("country") or None,
    }


def _tip(charge: Object) -> Decimal:
    """The tip, which only the payment intent of a charge has."""
    intent = charge.get("payment_intent")
    details = intent.get("amount_details") if isinstance(intent, dict) else None
    tip = ((details or {}).get("tip") or {}).get("amount")
    return amount_of("tip", tip, currency_of(charge["currency"])) if tip else Decimal(0)


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
