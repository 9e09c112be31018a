"""Rows of orders and refunds, as the mappings of the shipped shop systems read them.

Shop systems describe the same things in different shapes: what was sold, shipping, fees, tips, discounts, tax. A
connector turns each order and each refund into one row: the transaction, its lines, and the object as the shop sent it,
which is what a rejected line is stored with. What cannot be read exactly rejects the order, never the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ingestion.mapping.json_rows import UNREADABLE
from ingestion.mapping.layouts import SourceMapping, shipped_mapping
from ingestion.models.reject_reasons import RejectReason
from shared.errors import RejectRecord, shortened

Row = dict[str, Any]
_MAPPING = Path(__file__).with_name("order_rows.yaml")
_FOUR_DECIMALS = Decimal("0.0001")
_HUNDREDTH = Decimal("0.01")
_HALF_A_CENT = Decimal("0.005")
_SHOWN_CHARACTERS = 60
_LARGEST = Decimal(10) ** 14
ADJUSTMENT = "adjustment"
"""The id of the line that a refund has where its lines do not add up to what was paid back."""


def order_mapping(retailer_id: str, time_zone: str) -> SourceMapping:
    """The mapping of these rows, for one source."""
    return shipped_mapping(_MAPPING, retailer_id, time_zone)


@dataclass(frozen=True)
class Line:
    """One line. Amounts are signed: negative where money goes back."""

    id: str
    item_type: str
    product_id: str
    name: str | None
    quantity: Decimal
    """Negative with a negative `total`."""
    total: Decimal
    """Before the discount, with the tax if the prices of the order contain it."""
    discount: Decimal = Decimal(0)
    tax: Decimal | None = None
    """None: the shop reports no tax of this line."""
    category: str | None = None

    def charged(self, *, tax_included: bool = False) -> Decimal:
        """What the line adds to the total of its transaction."""
        return self.total - self.discount + (0 if tax_included else self.tax or 0)

    def with_amounts(self, discount: Decimal, tax: Decimal | None) -> Line:
        """The same line with another discount and tax."""
        return replace(self, discount=discount, tax=tax)


@dataclass(frozen=True)
class Transaction:
    """What the lines of an order or refund have in common."""

    id: str
    sold_at: str | None
    changed_at: str | None
    currency: str | None
    is_refund: bool = False
    is_void: bool = False
    """It did not happen: not paid, cancelled, or a test."""
    total: Decimal | None = None
    """What the shop reports as its total; None if it reports none."""
    original_id: str | None = None
    tax_included: bool = False
    store_id: str = "online"
    store_name: str | None = None
    customer: Mapping[str, str | None] | None = None
    """`id`, `name`, `city` and `country`; None for a guest."""


def order_row(given: Transaction, lines: Sequence[Line], sent: Any) -> Row:
    """The row of a transaction. `sent` is the order or refund as the shop sent it."""
    total = Decimal(0) if given.is_void else given.total
    return {
        "transaction_id": given.id,
        "original_transaction_id": given.original_id,
        "sold_at": given.sold_at,
        "changed_at": given.changed_at,
        "currency": given.currency,
        "tax_included": "true" if given.tax_included else "false",
        "total": None if total is None else plain(total),
        "store": {"id": given.store_id, "name": given.store_name},
        "customer": given.customer,
        "lines": [_line(line, given) for line in lines],
        "sent": sent,
    }


def read_order(sent: Any, read: Callable[[Any], Row | None]) -> Row | None:
    """The row that `read` makes of an order, if any. Where it fails, a row that is rejected with the reason."""
    try:
        return read(sent)
    except RejectRecord as error:
        return {UNREADABLE: {"code": error.code, "reason": error.reason}, "lines": [], "sent": sent}
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, ArithmeticError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else shortened(str(error), _SHOWN_CHARACTERS)
        reason = {"code": RejectReason.MALFORMED.value, "reason": f"not what the documentation of the API says: {what}"}
        return {UNREADABLE: reason, "lines": [], "sent": sent}


def customer_row(id_: Any, address: Mapping[str, Any], names: Mapping[str, Any], country: str) -> Row:
    """The customer of a row: the names, and of an address the city and the key `country`. Empty ones are missing."""
    name = " ".join(part for part in (names.get("first_name"), names.get("last_name")) if part)
    return {
        "id": str(id_),
        "name": name or None,
        "city": address.get("city") or None,
        "country": address.get(country) or None,
    }


def exact(what: str, value: Any) -> Decimal:
    """A number as it was sent. Raises RejectRecord.

    A JSON number with decimals is taken as it is written: its shortest notation is what was sent.
    """
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    try:
        if not isinstance(text, str):
            raise InvalidOperation
        number = Decimal(text.strip())
        if not number.is_finite() or abs(number) >= _LARGEST:
            raise InvalidOperation
    except InvalidOperation:
        shown = shortened(repr(value), _SHOWN_CHARACTERS)
        raise RejectRecord(RejectReason.NOT_A_NUMBER.value, f"{what} is {shown}, not a number") from None
    return number


def rounded(amount: Decimal) -> Decimal:
    """An amount with the four decimals that the contract holds: shop systems calculate tax with more."""
    return amount.quantize(_FOUR_DECIMALS, ROUND_HALF_EVEN)


def plain(number: Decimal) -> str:
    """A number without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def spread(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Shares of an amount in proportion to weights, in hundredths; the largest remainders are rounded up."""
    total = sum(weights, Decimal(0))
    if not amount or total <= 0:
        return [Decimal(0)] * len(weights)
    exact_shares = [amount * weight / total for weight in weights]
    shares = [share.quantize(_HUNDREDTH, ROUND_DOWN) for share in exact_shares]
    places = sorted(range(len(weights)), key=lambda place: (shares[place] - exact_shares[place], place))
    left = int((amount - sum(shares, Decimal(0))) / _HUNDREDTH)
    for place in places[:left]:
        shares[place] += _HUNDREDTH
    shares[places[0]] += amount - sum(shares, Decimal(0))
    return shares


def refund_difference(
    paid_back: Decimal, lines: Sequence[Line], name: str, *, tax_included: bool = False
) -> list[Line]:
    """The line that makes the lines of a refund add up to `paid_back`, which is negative; none if they already do.

    What was paid back decides: a shop can pay back more or less than the goods that are returned cost.
    """
    charged = sum((line.charged(tax_included=tax_included) for line in lines), Decimal(0))
    difference = rounded(paid_back - charged)
    if abs(difference) <= _HALF_A_CENT * sum(line.tax is not None for line in lines):
        return []
    return [Line(ADJUSTMENT, "other", ADJUSTMENT, name, Decimal(1).copy_sign(difference), difference)]


def _line(line: Line, given: Transaction) -> Row:
    price = rounded(line.total / line.quantity) if line.quantity else Decimal(0)
    # Of a refund of tax alone, and of what was free, only the quantity can show that it goes back.
    quantity = -abs(line.quantity) if given.is_refund and not line.total else line.quantity
    return {
        "id": line.id,
        "line_type": _line_type(line, given),
        "item_type": line.item_type,
        "product_id": line.product_id,
        "product_name": line.name,
        "product_category": line.category,
        "quantity": plain(quantity),
        "unit_price": plain(price),
        "total_amount": plain(rounded(line.total)),
        "discount_amount": plain(rounded(abs(line.discount))),
        "tax_amount": None if line.tax is None else plain(rounded(abs(line.tax))),
    }


def _line_type(line: Line, given: Transaction) -> str:
    if given.is_void:
        return "void"
    if line.id == ADJUSTMENT or (line.total and (line.total < 0) != given.is_refund):
        return "adjustment"
    return "return" if given.is_refund else "sale"
