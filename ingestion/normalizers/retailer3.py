"""Converts retailer 3's Spanish rows to `SalesRecord`s. Pure. docs/RETAILERS.md describes the rows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from ingestion.models.line_ids import content_line_id
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import GUEST, LineType
from ingestion.normalizers import assembly
from ingestion.normalizers.assembly import FEW, KINDS, MANY, Checked, Memo, Normalized
from ingestion.normalizers.numbers import comma_decimal
from ingestion.normalizers.rejection import malformed, missing, reject, shown
from ingestion.normalizers.times import wall_clock
from shared.errors import RejectRecord

COUNTRY = "ES"
_KINDS = {"V": KINDS[LineType.SALE], "D": KINDS[LineType.RETURN], "A": KINDS[LineType.ADJUSTMENT]}
_STORE = itemgetter("codigo", "nombre", "ciudad")
_PRODUCT = itemgetter("ref", "nombre", "familia")
_CUSTOMER = itemgetter("codigo", "nombre", "segmento", "ciudad", "pais", "desde")
_MEASURES = itemgetter("tipo", "cantidad", "precio", "importe", "moneda")
_NO_CUSTOMER = (None,)


class Retailer3Row(TypedDict):
    """One line as retailer 3 sends it (the fields that are used)."""

    ticket: str
    linea: int | None
    tipo: str
    fecha_hora: str
    modificado: str
    tienda: dict[str, str | None]
    articulo: dict[str, str | None]
    cliente: dict[str, str | None] | None
    cantidad: str
    precio: str
    importe: str
    moneda: str


class Retailer3Normalizer:
    """Callable: row -> Normalized. The result depends on the row alone.

    `zone` is the time zone of the source's local times.
    """

    def __init__(self, retailer_id: str, zone: ZoneInfo) -> None:
        self._retailer_id, self._zone = retailer_id, zone
        self._transactions: Memo[str, Checked] = Memo(self._transaction, FEW)
        self._lines: Memo[int, Checked] = Memo(_line, MANY)
        self._sold: Memo[str, Checked] = Memo(self._sold_at, FEW)
        self._changed: Memo[str, Checked] = Memo(self._changed_at, FEW)
        self._stores: Memo[tuple[Any, ...], Checked] = Memo(_store, MANY)
        self._products: Memo[tuple[Any, ...], Checked] = Memo(_product, MANY)
        self._customers: Memo[tuple[Any, ...], Checked] = Memo(self._customer, MANY)
        self._measures: Memo[tuple[Any, ...], Checked] = Memo(_measures, MANY)

    def __call__(self, row: Retailer3Row) -> Normalized:
        """Raises RejectRecord."""
        try:
            line_number, customer = row["linea"], row["cliente"]
            if line_number is None:
                line = assembly.LINE.check(line_id=_content_id(row))
            elif type(line_number) is int:
                line = self._lines[line_number]
            else:
                raise malformed("linea", line_number)
            kind = _KINDS.get(row["tipo"])
            if kind is None:
                raise _unknown_type(row["tipo"])
            return Normalized(
                self._transactions[row["ticket"]],
                line,
                kind,
                self._sold[row["fecha_hora"]],
                self._changed[row["modificado"]],
                self._stores[_STORE(row["tienda"])],
                self._products[_PRODUCT(row["articulo"])],
                self._customers[_NO_CUSTOMER if customer is None else _CUSTOMER(customer)],
                self._measures[_MEASURES(row)],
            )
        except KeyError as error:
            raise missing(str(error.args[0])) from None
        except TypeError:
            raise malformed("a field (a list, an object)" if isinstance(row, dict) else "record", row) from None

    def _sold_at(self, text: str) -> Checked:
        sold_at = wall_clock("fecha_hora", text, self._zone)
        return assembly.check_sold(sold_at.date(), sold_at)

    def _changed_at(self, text: str) -> Checked:
        return assembly.check_changed(wall_clock("modificado", text, self._zone))

    def _customer(self, key: tuple[Any, ...]) -> Checked:
        if key == _NO_CUSTOMER:
            return assembly.CUSTOMER.check(customer_id=GUEST)
        code, name, segment, city, country, since = key
        return assembly.CUSTOMER.check(
            customer_id=code,
            customer_name=assembly.label(name),
            customer_segment=assembly.label(segment),
            customer_city=assembly.label(city),
            customer_country=assembly.label(country),
            customer_since=None if since is None else wall_clock("cliente.desde", since, self._zone),
        )

    def _transaction(self, ticket: str) -> Checked:
        return assembly.check_transaction(self._retailer_id, ticket)


def net_amount(row: Mapping[str, Any]) -> tuple[str, Decimal] | None:
    """Currency and signed amount of a rejected row, or None if they cannot be read."""
    try:
        return row["moneda"], comma_decimal("importe", row["importe"])
    except (RejectRecord, KeyError, TypeError):
        return None


def _unknown_type(value: object) -> RejectRecord:
    return missing("tipo") if value is None else reject(RejectReason.UNKNOWN_TYPE, f"tipo is {shown(value)}")


def _content_id(row: Retailer3Row) -> str:
    product, customer = row["articulo"], row["cliente"] or {}
    return content_line_id(
        product["ref"],
        product["nombre"],
        row["cantidad"],
        row["precio"],
        row["fecha_hora"],
        customer.get("codigo"),
        customer.get("pais"),
    )


def _line(number: int) -> Checked:
    return assembly.LINE.check(line_id=str(number))


def _store(key: tuple[Any, ...]) -> Checked:
    code, name, city = key
    return assembly.STORE.check(
        store_id=code, store_name=assembly.label(name), store_city=assembly.label(city), store_country=COUNTRY
    )


def _product(key: tuple[Any, ...]) -> Checked:
    ref, name, family = key
    return assembly.PRODUCT.check(
        product_id=ref, product_name=assembly.label(name), product_category=assembly.label(family)
    )


def _measures(key: tuple[Any, ...]) -> Checked:
    tipo, quantity, price, amount, currency = key
    kind = _KINDS[tipo].values[0]
    units = comma_decimal("cantidad", quantity)
    return assembly.check_measures_of(
        kind,
        -units if kind is LineType.RETURN else units,
        comma_decimal("precio", price),
        comma_decimal("importe", amount),
        currency,
    )
