"""Assembles `SalesRecord`s from groups of fields, each group validated once per distinct value.

A day repeats its stores, products, customers and amounts thousands of times. The contract checks each distinct value
once; the result and the value's JSON are cached. A record is then a merge of seven known groups, and its line in the
raw zone a join of seven known pieces of JSON. The rules are those of `SalesRecord`: the groups are its own fields, and
a test compares record and line with the result of validating and serialising the complete record.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import FIELDS, TOTAL_TOLERANCE, Identifier, LineType, SalesRecord, check_measures
from ingestion.normalizers.rejection import from_validation, malformed, missing, reject, shown
from shared.currencies import CURRENCIES

AMOUNT_SCALE = 10_000
"""Control totals count in ten-thousandths, the smallest unit of money in the contract."""
MANY = 16_384
"""Size of a cache for values that recur all day: products, customers, amounts."""
FEW = 128
"""Size of a cache for values that occur several times in a row and then never again: receipts and their times."""
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_ALL_FIELDS = frozenset(FIELDS)
_identifier = TypeAdapter[str](Identifier).validator
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Checked(NamedTuple):
    """A group of fields that passed the contract."""

    values: tuple[Any, ...]
    json: bytes
    """`"field":value,` for each field, as the contract serialises it."""
    number: int = 0
    """In `sold`: the business date's ordinal. In `changed`: microseconds since 1970. In `measures`: the net amount in
    ten-thousandths of the currency."""


class Normalized(NamedTuple):
    """A record as its nine checked parts, in the order of the contract; `record` and `json` join them."""

    transaction: Checked
    line: Checked
    kind: Checked
    sold: Checked
    changed: Checked
    store: Checked
    product: Checked
    customer: Checked
    measures: Checked

    @property
    def record(self) -> SalesRecord:
        """The typed record. Its parts are validated; nothing is validated again."""
        values = dict(zip(FIELDS, chain.from_iterable(part.values for part in self), strict=True))
        record = SalesRecord.__new__(SalesRecord)
        for slot, value in (
            ("__dict__", values),
            ("__pydantic_fields_set__", _ALL_FIELDS),
            ("__pydantic_extra__", None),
            ("__pydantic_private__", None),
        ):
            object.__setattr__(record, slot, value)
        return record

    @property
    def json(self) -> bytes:
        """The record's line in the raw zone, byte for byte what the contract would serialise, with its line end."""
        return b"".join([part.json for part in self])


def json_lines(page: Iterable[Normalized]) -> bytes:
    """The lines of many records: `json` of each, one after the other."""
    return b"".join([json for normalized in page for _, json, _ in normalized])


class Memo(dict[K, V], Generic[K, V]):
    """Caches the results of a pure function. When it is full, it is emptied.

    Errors are not cached. Equal keys must mean the same (note that True == 1).
    """

    def __init__(self, function: Callable[[K], V], entries: int) -> None:
        super().__init__()
        self._function = function
        self._entries = entries

    def __missing__(self, key: K) -> V:
        value = self._function(key)
        if len(self) >= self._entries:
            self.clear()
        self[key] = value
        return value


class FieldGroup:
    """Some fields of `SalesRecord`, checked by its rules."""

    def __init__(self, *names: str) -> None:
        contract = SalesRecord.model_fields
        fields: dict[str, Any] = {name: (contract[name].annotation, contract[name]) for name in names}
        self._model: type[BaseModel] = create_model("Group", __config__=ConfigDict(extra="forbid"), **fields)

    def check(self, number: int = 0, /, **values: object) -> Checked:
        """Raises RejectRecord for the first field that breaks the contract."""
        try:
            model = self._model(**values)
        except ValidationError as error:
            raise from_validation(error) from None
        return Checked(tuple(model.__dict__.values()), model.model_dump_json().encode()[1:-1] + b",", number)


LINE = FieldGroup("line_id")
STORE = FieldGroup("store_id", "store_name", "store_city", "store_country")
PRODUCT = FieldGroup("product_id", "product_name", "product_category")
CUSTOMER = FieldGroup(
    "customer_id", "customer_name", "customer_segment", "customer_city", "customer_country", "customer_since"
)
MEASURES = FieldGroup(*FIELDS[FIELDS.index("quantity") :])
KINDS = {kind: Checked((kind,), b'"line_type":"%s",' % kind.value.encode()) for kind in LineType}


def check_transaction(retailer_id: str, transaction_id: object) -> Checked:
    """The receipt of a line. Every second line has a new one, so it is checked without the overhead of a group."""
    try:
        identifier = _identifier.validate_python(transaction_id)
    except ValidationError as error:
        raise from_validation(error, "transaction_id") from None
    return Checked(
        (retailer_id, identifier),
        b'{"retailer_id":"%s","transaction_id":%s,' % (retailer_id.encode(), orjson.dumps(identifier)),
    )


def check_sold(business_date: date, sold_at: datetime) -> Checked:
    """The time of sale (aware) and its trading day. The contract allows any value."""
    time = sold_at.astimezone(UTC)
    text = b'"business_date":%b,"sold_at":%b,' % (orjson.dumps(business_date), _json_time(time))
    return Checked((business_date, time), text, business_date.toordinal())


def check_changed(changed_at: datetime) -> Checked:
    """The time of the source's last change (aware). The contract allows any value."""
    time = changed_at.astimezone(UTC)
    return Checked((time,), b'"changed_at":%b,' % _json_time(time), (time - _EPOCH) // _MICROSECOND)


def _json_time(time: datetime) -> bytes:
    return orjson.dumps(time, option=orjson.OPT_UTC_Z)


def check_measures_of(
    kind: LineType, net_quantity: Decimal, unit_price: Decimal, net_amount: Decimal, currency: object, **others: object
) -> Checked:
    """Quantity, price and amount of a line, with the sign they have in the source's totals.

    Only in adjustments may `unit_price` be negative; it then has the sign of the amount.
    Raises RejectRecord when they do not add up, contradict the line's kind, or name no known currency.
    """
    if not isinstance(currency, str):
        raise missing("currency") if currency is None else malformed("currency", currency)
    if currency not in CURRENCIES:
        raise reject(RejectReason.UNKNOWN_CURRENCY, f"{shown(currency)} is not an ISO 4217 currency")
    if kind is not LineType.ADJUSTMENT and unit_price < 0:
        raise reject(RejectReason.NEGATIVE_PRICE, f"a {kind} with unit price {unit_price}")
    if abs(net_amount - net_quantity * unit_price) > TOTAL_TOLERANCE:
        raise reject(RejectReason.TOTAL_MISMATCH, f"{net_amount} is not {net_quantity} x {unit_price}")
    if (kind is LineType.SALE and net_quantity < 0) or (kind is LineType.RETURN and net_quantity > 0):
        raise reject(RejectReason.SIGN_MISMATCH, f"a {kind} with quantity {net_quantity}")
    # Unary plus turns a source's "-0.00" into 0.00.
    net_quantity, net_amount = +net_quantity, +net_amount
    measures = MEASURES.check(
        quantity=abs(net_quantity),
        unit_price=abs(unit_price),
        total_amount=abs(net_amount),
        net_quantity=net_quantity,
        net_amount=net_amount,
        currency=currency,
        **others,
    )
    check_measures(kind, abs(net_quantity), abs(unit_price), abs(net_amount), net_quantity, net_amount)
    return Checked(measures.values, measures.json[:-1] + b"}\n", int(net_amount * AMOUNT_SCALE))


def label(value: object) -> object:
    """A text as the contract needs it: stripped, and None if empty. Other types are left as they are and fail there."""
    return (value.strip() or None) if isinstance(value, str) else value
