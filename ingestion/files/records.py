"""From `source_rows` and the fields' values to the tables that the platform goes on with: set operations throughout.

`read_rows` (view): every source row, typed. `typed_rows` (view): what of it the quality report reads.
`landed_records`: the rows that follow the contract.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from ingestion.files.classification import measured
from ingestion.files.layouts import MAPPED_FIELDS, NUMBER_FIELDS, TIME_FIELDS, Layout
from ingestion.files.sql_text import literal, literals
from ingestion.files.values import FieldValues
from ingestion.models.columnar import COLUMNS
from ingestion.models.retailer_data import GUEST

_CUSTOMER = ("customer_name", "customer_segment", "customer_city", "customer_country", "customer_since")


def create_views(connection: duckdb.DuckDBPyConnection, layout: Layout, values: Mapping[str, FieldValues]) -> None:
    """`read_rows` and `typed_rows`."""
    joins = "".join(
        f" JOIN {found.table} AS {field} ON {field}.text = {found.text}"
        for field, found in values.items()
        if found.joined
    )
    fields = ", ".join(f"{_value(field, values)} AS {field}" for field in MAPPED_FIELDS)
    bad = " OR ".join(f"{field}.code IS NOT NULL" for field, found in values.items() if found.refused_rows) or "false"
    _create_non_products(connection, layout, values)
    connection.execute(
        "CREATE OR REPLACE VIEW read_rows AS SELECT s.rowid AS source_row, s.source_file, s.source_line, s.line_digest,"
        f" {fields}, sold_at.business_date AS business_date, {bad} AS has_bad_field,"
        " non_products.category AS non_product, coalesce(non_products.is_money_only, false) AS is_money_only"
        f" FROM source_rows AS s{joins}"
        f" LEFT JOIN non_products ON non_products.text = {values['product_id'].text}"
    )
    connection.execute(
        "CREATE OR REPLACE VIEW typed_rows AS SELECT source_file,"
        " coalesce(source_line, source_row - first_row + 2) AS source_line, business_date,"
        f" {', '.join(MAPPED_FIELDS)}"
        " FROM read_rows JOIN source_files ON source_files.number = source_file"
    )


def _value(field: str, values: Mapping[str, FieldValues]) -> str:
    if field in values:
        return values[field].value
    kind = COLUMNS[field] if field in NUMBER_FIELDS or field in TIME_FIELDS else "VARCHAR"
    return f"NULL::{kind}" if field != "customer_id" else literal(GUEST)


def _create_non_products(
    connection: duckdb.DuckDBPyConnection, layout: Layout, values: Mapping[str, FieldValues]
) -> None:
    cases = [
        (
            " OR ".join(
                ([f"product_id IN ({literals(kind.codes)})"] if kind.codes else [])
                + ([f"regexp_full_match(product_id, {literal(kind.matches)})"] if kind.matches else [])
            )
            or "false",
            kind,
        )
        for kind in layout.non_products
    ]
    category = "".join(f" WHEN {where} THEN {literal(kind.category)}" for where, kind in cases)
    money = "".join(f" WHEN {where} THEN {str(kind.adjustment).lower()}" for where, kind in cases)
    product = values["product_id"]
    connection.execute(
        "CREATE OR REPLACE TABLE non_products AS SELECT text, product_id, category, is_money_only FROM ("
        f" SELECT text, product_id, CASE{category or ' WHEN false THEN NULL'} END::VARCHAR AS category,"
        f" CASE{money or ' WHEN false THEN NULL'} END::BOOLEAN AS is_money_only"
        f" FROM (SELECT text, value AS product_id FROM {product.table} WHERE code IS NULL)) WHERE category IS NOT NULL"
    )


def land(connection: duckdb.DuckDBPyConnection, layout: Layout, retailer_id: str) -> int:
    """Fill `landed_records`. How many rows landed."""
    line_id = "line_id" if "line_id" in layout.columns and not layout.duplicate_key else "line_digest"
    known = {field: f"CASE WHEN customer_id <> {literal(GUEST)} THEN {field} END" for field in _CUSTOMER}
    category = "coalesce(non_product, product_category)" if layout.non_products else "product_category"
    expressions = {
        "retailer_id": literal(retailer_id),
        "line_id": line_id,
        "line_type": "kind",
        "changed_at": "coalesce(changed_at, sold_at)",
        "product_category": category,
        **known,
        "quantity": "abs(signed_quantity)",
        "unit_price": "abs(unit_price)",
        "total_amount": "abs(signed_amount)",
        "net_quantity": "signed_quantity",
        "net_amount": "signed_amount",
    }
    listed = ", ".join(f"({expressions.get(name, name)})::{kind} AS {name}" for name, kind in COLUMNS.items())
    connection.execute(
        f"CREATE OR REPLACE TABLE landed_records AS WITH {measured(layout)}"
        f" SELECT {listed} FROM measured WHERE NOT has_bad_field AND line_fault IS NULL"
    )
    found = connection.execute("SELECT count(*) FROM landed_records").fetchone()
    return int(found[0]) if found else 0
