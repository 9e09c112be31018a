"""Converts retailer 1's flat rows to `SalesRecord`s. Pure. docs/RETAILERS.md describes the rows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Any, TypedDict

from ingestion.models.line_ids import content_line_id
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import GUEST, LineType
from ingestion.normalizers import assembly
from ingestion.normalizers.assembly import FEW, KINDS, MANY, Checked, Memo, Normalized
from ingestion.normalizers.numbers import not_a_number, point_decimal
from ingestion.normalizers.rejection import malformed, missing, reject, shown
from ingestion.normalizers.times import iso_time
from shared.errors import RejectRecord

COUNTRY = "US"
_KINDS = {"SALE": KINDS[LineType.SALE], "RETURN": KINDS[LineType.RETURN], "ADJUST": KINDS[LineType.ADJUSTMENT]}
_STORE = itemgetter("store_code", "store_name", "store_city")
_PRODUCT = itemgetter("sku", "product_name", "department")
_CUSTOMER = itemgetter(
    "customer_no", "customer_name", "customer_segment", "customer_city", "customer_country", "customer_updated_at"
)
_MEASURES = itemgetter("txn_type", "qty", "unit_price", "line_total", "currency")
_CONTENT = itemgetter("sku", "product_name", "qty", "unit_price", "sold_at", "customer_no", "customer_country")


class Retailer1Row(TypedDict):
    """One line as retailer 1 sends it (the fields that are used)."""

    sale_id: str
    line_no: int | None
    txn_type: str
    sold_at: str
    last_modified: str
    store_code: str
    store_name: str
    store_city: str | None
    sku: str
    product_name: str | None
    department: str | None
    customer_no: str | None
    customer_name: str | None
    customer_segment: str | None
    customer_city: str | None
    customer_country: str | None
    customer_updated_at: str | None
    qty: int
    unit_price: str
    line_total: str
    currency: str


class Retailer1Normalizer:
    """Callable: row -> Normalized. Caches parts it has seen; the result depends on the row alone."""

    def __init__(self, retailer_id: str) -> None:
        self._retailer_id = retailer_id
        self._transactions: Memo[str, Checked] = Memo(self._transaction, FEW)
        self._lines: Memo[int, Checked] = Memo(_line, MANY)
        self._sold: Memo[str, Checked] = Memo(_sold, FEW)
        self._changed: Memo[str, Checked] = Memo(_changed, FEW)
        self._stores: Memo[tuple[Any, ...], Checked] = Memo(_store, MANY)
        self._products: Memo[tuple[Any, ...], Checked] = Memo(_product, MANY)
        self._customers: Memo[tuple[Any, ...], Checked] = Memo(_customer, MANY)
        self._measures: Memo[tuple[Any, ...], Checked] = Memo(_measures, MANY)

    def __call__(self, row: Retailer1Row) -> Normalized:
        """Raises RejectRecord."""
        try:
            line_no, quantity = row["line_no"], row["qty"]
            if type(quantity) is not int:
                raise not_a_number("qty", quantity)
            if line_no is None:
                line = assembly.LINE.check(line_id=content_line_id(*_CONTENT(row)))
            elif type(line_no) is int:
                line = self._lines[line_no]
            else:
                raise malformed("line_no", line_no)
            kind = _KINDS.get(row["txn_type"])
            if kind is None:
                raise _unknown_type(row["txn_type"])
            return Normalized(
                self._transactions[row["sale_id"]],
                line,
                kind,
                self._sold[row["sold_at"]],
                self._changed[row["last_modified"]],
                self._stores[_STORE(row)],
                self._products[_PRODUCT(row)],
                self._customers[_CUSTOMER(row)],
                self._measures[_MEASURES(row)],
            )
        except KeyError as error:
            raise missing(str(error.args[0])) from None
        except TypeError:
            raise malformed("a field (a list, an object)" if isinstance(row, dict) else "record", row) from None

    def _transaction(self, sale_id: str) -> Checked:
        return assembly.check_transaction(self._retailer_id, sale_id)


def net_amount(row: Mapping[str, Any]) -> tuple[str, Decimal] | None:
    """Currency and signed amount of a rejected row, or None if they cannot be read."""
    try:
        return row["currency"], point_decimal("line_total", row["line_total"])
    except (RejectRecord, KeyError, TypeError):
        return None


def _unknown_type(value: object) -> RejectRecord:
    return missing("txn_type") if value is None else reject(RejectReason.UNKNOWN_TYPE, f"txn_type is {shown(value)}")


def _line(number: int) -> Checked:
    return assembly.LINE.check(line_id=str(number))


def _sold(text: str) -> Checked:
    sold_at = iso_time("sold_at", text)
    return assembly.check_sold(sold_at.date(), sold_at)


def _changed(text: str) -> Checked:
    return assembly.check_changed(iso_time("last_modified", text))


def _store(key: tuple[Any, ...]) -> Checked:
    code, name, city = key
    return assembly.STORE.check(
        store_id=code, store_name=assembly.label(name), store_city=assembly.label(city), store_country=COUNTRY
    )


def _product(key: tuple[Any, ...]) -> Checked:
    sku, name, department = key
    return assembly.PRODUCT.check(
        product_id=sku, product_name=assembly.label(name), product_category=assembly.label(department)
    )


def _customer(key: tuple[Any, ...]) -> Checked:
    number, name, segment, city, country, since = key
    if number is None:
        return assembly.CUSTOMER.check(customer_id=GUEST)
    return assembly.CUSTOMER.check(
        customer_id=number,
        customer_name=assembly.label(name),
        customer_segment=assembly.label(segment),
        customer_city=assembly.label(city),
        customer_country=assembly.label(country),
        customer_since=None if since is None else iso_time("customer_updated_at", since),
    )


def _measures(key: tuple[Any, ...]) -> Checked:
    txn_type, quantity, unit_price, line_total, currency = key
    return assembly.check_measures_of(
        _KINDS[txn_type].values[0],
        Decimal(quantity),
        point_decimal("unit_price", unit_price),
        point_decimal("line_total", line_total),
        currency,
    )
