"""Charges and refunds of a Stripe account, as its API sends them."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def charge_of(id_: str, created: int, amount: int = 2500, **changes: Any) -> Object:
    """A captured charge of a guest that was booked in `balance_transaction`. `changes` replaces keys of it."""
    return {
        "id": id_,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "balance_transaction": f"txn_{id_}",
        "billing_details": {"name": None, "address": None},
        "captured": True,
        "created": created,
        "currency": "usd",
        "customer": None,
        "description": "Green tea",
        "livemode": False,
        "paid": True,
        "payment_intent": None,
        "payment_method_details": {"type": "card"},
        "status": "succeeded",
        **changes,
    }


def refund_of(id_: str, charge: str, created: int, amount: int = 2500, **changes: Any) -> Object:
    """A refund that succeeded."""
    return {
        "id": id_,
        "object": "refund",
        "amount": amount,
        "balance_transaction": f"txn_{id_}",
        "charge": charge,
        "created": created,
        "currency": "usd",
        "status": "succeeded",
        **changes,
    }
