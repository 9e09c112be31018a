"""Converts retailer 2's orders, line by line, to `SalesRecord`s. Pure. docs/RETAILERS.md describes the orders."""

from __future__ import annotations

from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ingestion.models.line_ids import content_line_id
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import GUEST, LineType
from ingestion.normalizers import assembly
from ingestion.normalizers.assembly import FEW, KINDS, MANY, Checked, Memo, Normalized
from ingestion.normalizers.numbers import integer, minor_units, not_a_number
from ingestion.normalizers.rejection import malformed, missing, reject, shown
from ingestion.normalizers.times import epoch_time, invalid
from shared.errors import RejectRecord

COUNTRY = "GB"
_KINDS = {
    "order": KINDS[LineType.SALE],
    "refund": KINDS[LineType.RETURN],
    "adjustment": KINDS[LineType.ADJUSTMENT],
}
_STORE = itemgetter("id", "name", "city")
_PRODUCT = itemgetter("code", "title", "category")
_CUSTOMER = itemgetter("id", "name", "tier", "city", "country", "since")
_NO_CUSTOMER = (None,)


class Retailer2Line(NamedTuple):
    """One line with its order, as retailer 2 sends them."""

    order: dict[str, Any]
    line: dict[str, Any]

    def payload(self) -> dict[str, Any]:
        """The order with only this line, as the source would send it if it had no other lines."""
        return {**self.order, "lines": [self.line]} if isinstance(self.order, dict) else self.order


_Head = tuple[Checked, Checked, Checked, Checked, Checked, Checked, str, int]
"""The parts of an order: transaction, kind, sold, changed, store, customer, currency and its exponent."""


class Retailer2Normalizer:
    """Callable: line with its order -> Normalized. The result depends on them alone.

    `zone` decides the trading day: the source sends epoch times, not dates.
    """

    def __init__(self, retailer_id: str, zone: ZoneInfo) -> None:
        self._retailer_id, self._zone = retailer_id, zone
        self._lines: Memo[str, Checked] = Memo(_line, MANY)
        self._sold: Memo[int, Checked] = Memo(self._sold_at, FEW)
        self._changed: Memo[int, Checked] = Memo(_changed, FEW)
        self._stores: Memo[tuple[Any, ...], Checked] = Memo(_store, MANY)
        self._products: Memo[tuple[Any, ...], Checked] = Memo(_product, MANY)
        self._customers: Memo[tuple[Any, ...], Checked] = Memo(_customer, MANY)
        self._measures: Memo[tuple[Any, ...], Checked] = Memo(_measures, MANY)
        self._last_order: object = self
        self._last_head: _Head

    def __call__(self, raw: Retailer2Line) -> Normalized:
        """Raises RejectRecord."""
        order, line = raw
        try:
            if order is not self._last_order:
                self._last_head, self._last_order = self._head(order), order
            transaction, kind, sold, changed, store, customer, currency, exponent = self._last_head
            product, quantity, price, amount = line["product"], line["quantity"], line["unit_amount"], line["amount"]
            if type(quantity) is not int or type(price) is not int or type(amount) is not int:
                raise _not_integer(line)
            line_id = line["id"]
            return Normalized(
                transaction,
                self._lines[line_id] if line_id is not None else assembly.LINE.check(line_id=_content_id(order, line)),
                kind,
                sold,
                changed,
                store,
                self._products[_PRODUCT(product)],
                customer,
                self._measures[order["kind"], quantity, price, amount, currency, exponent],
            )
        except KeyError as error:
            raise missing(str(error.args[0])) from None
        except TypeError:
            raise malformed("a part of the order", raw.payload()) from None

    def _head(self, order: dict[str, Any]) -> _Head:
        kind, currency, shop, buyer = _KINDS.get(order["kind"]), order["currency"], order["shop"], order["buyer"]
        placed_at, modified_at, exponent = order["placed_at"], order["modified_at"], currency["exponent"]
        if kind is None:
            raise _unknown_type(order["kind"])
        if type(placed_at) is not int:
            raise invalid("placed_at", placed_at)
        if type(modified_at) is not int:
            raise invalid("modified_at", modified_at)
        customer = _NO_CUSTOMER if buyer is None else _CUSTOMER(buyer)
        if customer[-1] is not None and type(customer[-1]) is not int:
            raise invalid("buyer.since", customer[-1])
        return (
            assembly.check_transaction(self._retailer_id, order["id"]),
            kind,
            self._sold[placed_at],
            self._changed[modified_at],
            self._stores[_STORE(shop)],
            self._customers[customer],
            currency["code"],
            integer("currency.exponent", exponent),
        )

    def _sold_at(self, seconds: int) -> Checked:
        sold_at = epoch_time("placed_at", seconds)
        return assembly.check_sold(sold_at.astimezone(self._zone).date(), sold_at)


def net_amount(raw: Retailer2Line) -> tuple[str, Decimal] | None:
    """Currency and signed amount of a rejected line, or None if they cannot be read."""
    try:
        currency = raw.order["currency"]
        amount = minor_units("amount", raw.line["amount"], currency["exponent"])
        return currency["code"], -amount if raw.order["kind"] == "refund" else amount
    except (RejectRecord, KeyError, TypeError):
        return None


def _not_integer(line: dict[str, Any]) -> Exception:
    for field in ("quantity", "unit_amount", "amount"):
        if type(line[field]) is not int:
            return not_a_number(field, line[field])
    raise AssertionError("called with three integers")


def _unknown_type(value: object) -> RejectRecord:
    return missing("kind") if value is None else reject(RejectReason.UNKNOWN_TYPE, f"kind is {shown(value)}")


def _content_id(order: dict[str, Any], line: dict[str, Any]) -> str:
    product, buyer = line["product"], order["buyer"] or {}
    return content_line_id(
        product["code"],
        product["title"],
        line["quantity"],
        line["unit_amount"],
        order["currency"]["exponent"],
        order["placed_at"],
        buyer.get("id"),
        buyer.get("country"),
    )


def _line(line_id: str) -> Checked:
    return assembly.LINE.check(line_id=line_id)


def _changed(seconds: int) -> Checked:
    return assembly.check_changed(epoch_time("modified_at", seconds))


def _store(key: tuple[Any, ...]) -> Checked:
    identifier, name, city = key
    return assembly.STORE.check(
        store_id=identifier, store_name=assembly.label(name), store_city=assembly.label(city), store_country=COUNTRY
    )


def _product(key: tuple[Any, ...]) -> Checked:
    code, title, category = key
    return assembly.PRODUCT.check(
        product_id=code, product_name=assembly.label(title), product_category=assembly.label(category)
    )


def _customer(key: tuple[Any, ...]) -> Checked:
    if key == _NO_CUSTOMER:
        return assembly.CUSTOMER.check(customer_id=GUEST)
    identifier, name, tier, city, country, since = key
    return assembly.CUSTOMER.check(
        customer_id=identifier,
        customer_name=assembly.label(name),
        customer_segment=assembly.label(tier),
        customer_city=assembly.label(city),
        customer_country=assembly.label(country),
        customer_since=None if since is None else epoch_time("buyer.since", since),
    )


def _measures(key: tuple[Any, ...]) -> Checked:
    order_kind, quantity, unit_amount, amount, currency, exponent = key
    kind = _KINDS[order_kind].values[0]
    sign = -1 if kind is LineType.RETURN else 1
    return assembly.check_measures_of(
        kind,
        sign * Decimal(quantity),
        minor_units("unit_amount", unit_amount, exponent),
        sign * minor_units("amount", amount, exponent),
        currency,
    )
