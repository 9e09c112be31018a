"""Builds the records from `source_rows` and the fields' values, with set operations only.

`parsed_rows` (view): every source row, typed. `typed_rows` (view): the part of it that the quality report reads.
`landed_records`: the rows that fulfil the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import duckdb

from ingestion.mapping.classification import condition, measured
from ingestion.mapping.field_values import FieldValues
from ingestion.mapping.layout_parts import (
    FIELD_TYPES,
    MAPPED_FIELDS,
    NUMBER_FIELDS,
    TIME_FIELDS,
    NonProducts,
)
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.record_columns import CUSTOMER, stored_columns, virtual_columns
from ingestion.mapping.rules import imputed_code
from ingestion.mapping.source_rows import SourceRows
from ingestion.mapping.sql_text import literal, literals, trimmed
from ingestion.models.columnar import COLUMNS
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import GUEST

_FAST_DECIMAL = 10**11
"""DuckDB multiplies a quantity and a price in 18 digits, 7 of them after the point, and fails above that."""
_NOT_OF_VOIDS = ("quantity", "unit_price", "total_amount", "currency")
"""Fields that a row of something that did not happen may be without."""


def create_views(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    source: SourceRows,
    values: Mapping[str, FieldValues],
) -> None:
    """Create the view `parsed_rows`."""
    connection.execute(f"CREATE OR REPLACE VIEW parsed_rows AS {parsed_rows(connection, layout, source, values)}")


def parsed_rows(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    source: SourceRows,
    values: Mapping[str, FieldValues],
) -> str:
    """SQL of every source row, typed."""
    void_values = _void_values(layout, values)
    fields = ", ".join(
        f"coalesce({_value(field, values)}, {void_values[field]}) AS {field}"
        if field in void_values
        else f"{_value(field, values)} AS {field}"
        for field in MAPPED_FIELDS
    )
    bad = [f"{fault_code(layout, found, values)} IS NOT NULL" for found in values.values() if found.may_reject]
    bad += [f"{source.row_fault.code} IS NOT NULL"] if source.row_fault else []
    flags = [_is_filled(field, layout, values) for field in layout.columns]
    flags += [f"{found.field}.flag" for found in values.values() if found.flagged_rows]
    of_product, non_product = _non_products(connection, layout, values)
    return (
        "SELECT s.rowid AS source_row, s.source_file, s.source_line,"
        f" {source.line_digest} AS line_digest, {fields}, {values['sold_at'].business_date} AS business_date,"
        f" {' OR '.join(bad) or 'false'} AS has_bad_field, [{', '.join(flags)}]::VARCHAR[] AS row_flags,"
        f" {of_product} FROM source_rows AS s{all_joins(source, values)}{non_product}"
    )


def create_typed_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the view `typed_rows` over the rows of files."""
    connection.execute(
        "CREATE OR REPLACE VIEW typed_rows AS SELECT source_file,"
        " coalesce(source_line, source_row - first_row + 2) AS source_line, business_date,"
        f" {', '.join(MAPPED_FIELDS)}"
        " FROM parsed_rows JOIN source_files ON source_files.number = source_file"
    )


def all_joins(source: SourceRows, values: Mapping[str, FieldValues]) -> str:
    """Joins of every field's values to `source_rows s`, aliased by the field's name."""
    joins = [*(found.join for found in values.values()), *(found.late_join for found in values.values())]
    return "".join(joins) + (source.row_fault.join if source.row_fault else "")


def fault_code(layout: SourceMapping, found: FieldValues, values: Mapping[str, FieldValues]) -> str:
    """SQL of the reject reason code of a field.

    The other fields of a customer are not read without a customer, and what did not happen needs no price.
    """
    if found.field in CUSTOMER and "customer_id" in values:
        return f"CASE WHEN {values['customer_id'].value} <> {literal(GUEST)} THEN {found.code} END"
    code = found.code
    if found.field in _NOT_OF_VOIDS and layout.has_voids and found.missing_rows:
        is_known = "true" if found.field != "currency" else f"{_void_currency(found)} IS NOT NULL"
        is_void = f"{_is_void(layout, values)} AND {is_known}"
        code = f"CASE WHEN {code} <> '{RejectReason.MISSING_FIELD}' OR NOT coalesce({is_void}, false) THEN {code} END"
    if found.signed_rows:
        differs = f"{found.field}.sign_currency <> {values['currency'].value}"
        code = f"CASE WHEN {differs} THEN '{RejectReason.CURRENCY_MISMATCH}' ELSE {code} END"
    return code


def _is_void(layout: SourceMapping, values: Mapping[str, FieldValues]) -> str:
    """SQL over the values: whether a row is of something that did not happen. NULL counts as no."""
    cases = "".join(
        f" WHEN {' AND '.join(condition(_value(field, values), each) for field, each in rule.where.items()) or 'true'}"
        f" THEN {str(rule.is_ == 'void').lower()}"
        for rule in layout.line_type
    )
    product = values["product_id"].value
    money = " OR ".join(_is_kind(product, kind) for kind in layout.non_products if kind.adjustment)
    return f"(CASE{f' WHEN {money} THEN false' if money else ''}{cases} END)"


def _void_values(layout: SourceMapping, values: Mapping[str, FieldValues]) -> dict[str, str]:
    """SQL of what a missing value is in rows of something that did not happen, by field."""
    if not layout.has_voids:
        return {}
    replaced = {"quantity": "0", "unit_price": "0", "total_amount": "0"}
    if values["currency"].has_table:
        replaced["currency"] = _void_currency(values["currency"])
    is_void = _is_void(layout, values)
    return {
        field: f"CASE WHEN {is_void} THEN {value} END"
        for field, value in replaced.items()
        if field in values and values[field].missing_rows
    }


def _void_currency(found: FieldValues) -> str:
    """SQL of the currency of all other rows; NULL if they have several."""
    distinct = f"SELECT CASE WHEN min(value) = max(value) THEN min(value) END FROM {found.table} WHERE code IS NULL"
    return f"({distinct})"


def _is_filled(field: str, layout: SourceMapping, values: Mapping[str, FieldValues]) -> str:
    """SQL: the code of the rule in rows where its empty value was filled in, else NULL."""
    found = values[field]
    if layout.columns[field].when_missing is None or not found.missing_rows:
        return "NULL::VARCHAR"
    return f"CASE WHEN {trimmed(found.text)} = '' AND {found.value} IS NOT NULL THEN {literal(imputed_code(field))} END"


def _value(field: str, values: Mapping[str, FieldValues]) -> str:
    if field in values:
        return values[field].value
    kind = FIELD_TYPES[field] if field in NUMBER_FIELDS or field in TIME_FIELDS else "VARCHAR"
    return f"NULL::{kind}" if field != "customer_id" else literal(GUEST)


def _non_products(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, values: Mapping[str, FieldValues]
) -> tuple[str, str]:
    """SQL of the columns that say what is not a product, and the join that they need."""
    if not layout.non_products:
        return "NULL::VARCHAR AS non_product, NULL::VARCHAR AS non_product_item_type, false AS is_money_only", ""
    cases = [(_is_kind("product_id", kind), kind) for kind in layout.non_products]
    category = "".join(f" WHEN {where} THEN {literal(kind.category)}" for where, kind in cases)
    money = "".join(f" WHEN {where} THEN {str(kind.adjustment).lower()}" for where, kind in cases)
    item_type = "".join(f" WHEN {where} THEN {literal(kind.item_type)}" for where, kind in cases if kind.item_type)
    product = values["product_id"]
    known = f"SELECT text, value AS product_id FROM {product.table} WHERE code IS NULL"
    if not product.has_table:
        known = f"SELECT {product.text} AS text, {product.value} AS product_id"
    connection.execute(
        "CREATE OR REPLACE TABLE non_products AS SELECT text, product_id, category, item_type, is_money_only FROM ("
        f" SELECT text, product_id, CASE{category} END::VARCHAR AS category,"
        f" CASE{item_type or ' WHEN false THEN NULL'} END::VARCHAR AS item_type,"
        f" CASE{money} END::BOOLEAN AS is_money_only FROM ({known}))"
        " WHERE category IS NOT NULL"
    )
    return (
        "non_products.category AS non_product, non_products.item_type AS non_product_item_type,"
        " coalesce(non_products.is_money_only, false) AS is_money_only",
        f" LEFT JOIN non_products ON non_products.text = {product.text}",
    )


def _is_kind(product: str, kind: NonProducts) -> str:
    """SQL: whether a stock code is of this kind."""
    codes = [f"{product} IN ({literals(kind.codes)})"] if kind.codes else []
    matching = [f"regexp_full_match({product}, {literal(kind.matches)})"] if kind.matches else []
    return f"({' OR '.join([*codes, *matching]) or 'false'})"


def fill_landed_records(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    values: Mapping[str, FieldValues],
    retailer_id: str,
) -> int:
    """Fill `landed_records` and return the number of rows.

    A column with the same value in every row, or that follows from another column, is virtual: it is never written.
    """
    virtual = virtual_columns(layout, values, retailer_id)
    stored = stored_columns(layout)
    described = ", ".join(
        f"{name} {kind} GENERATED ALWAYS AS (({virtual[name]})::{kind}) VIRTUAL"
        if name in virtual
        else f"{name} {kind}"
        for name, kind in COLUMNS.items()
    )
    names = [name for name in COLUMNS if name not in virtual]
    listed = ", ".join(f"({stored.get(name, name)})::{COLUMNS[name]}" for name in names)
    connection.execute(f"CREATE OR REPLACE TABLE landed_records({described})")
    inserted = connection.execute(
        f"INSERT INTO landed_records({', '.join(names)})"
        f" WITH {measured(layout, small=_small(connection, layout, values))}"
        f" SELECT {listed} FROM measured WHERE NOT has_bad_field AND line_fault IS NULL"
    ).fetchone()
    return int(inserted[0]) if inserted else 0


def record_query(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    source: SourceRows,
    values: Mapping[str, FieldValues],
    day: date | None,
) -> str:
    """SQL of the records without a table of them: their columns, and `source_row`. `day`: the only date wanted."""
    virtual, stored = virtual_columns(layout, values, layout.retailer_id), stored_columns(layout)
    listed = ", ".join(
        f"({stored.get(name, name)})::{kind} AS {name}" for name, kind in COLUMNS.items() if name not in virtual
    )
    names = ", ".join(
        f"({virtual[name]})::{kind} AS {name}" if name in virtual else name for name, kind in COLUMNS.items()
    )
    return (
        f"WITH parsed_rows AS ({parsed_rows(connection, layout, source, values)}),"
        f" {measured(layout, small=_small(connection, layout, values), day=day)},"
        f" stored AS (SELECT source_row, {listed} FROM measured WHERE NOT has_bad_field AND line_fault IS NULL)"
        f" SELECT source_row, {names} FROM stored"
    )


def _small(connection: duckdb.DuckDBPyConnection, layout: SourceMapping, values: Mapping[str, FieldValues]) -> bool:
    """Whether the largest quantity times the largest price stays below 10^11."""
    if not layout.has_prices:
        return False
    largest = ", ".join(f"({_largest(values[name])})" for name in ("quantity", "unit_price"))
    [(quantity, price)] = connection.execute(f"SELECT {largest}").fetchall()
    return Decimal(quantity or 0) * Decimal(price or 0) < _FAST_DECIMAL


def _largest(found: FieldValues) -> str:
    rows = f" FROM source_rows AS s{found.join}" if found.header else ""
    source = f"SELECT value FROM {found.table}" if found.has_table else f"SELECT {found.value} AS value{rows}"
    return f"SELECT max(abs(value)) FROM ({source})"
