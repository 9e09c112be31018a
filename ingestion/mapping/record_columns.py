"""What is in the columns of `landed_records`, as DuckDB expressions over the measured lines of a source."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.mapping.field_values import FieldValues
from ingestion.mapping.layout_parts import TEXT_FIELDS
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.sql_text import literal
from ingestion.mapping.transactions import item_type_of, line_id_of
from ingestion.models.columnar import DEFAULTS, NULLABLE
from ingestion.models.retailer_data import GUEST

_CONSTANTS = ("store_id", "store_name", "store_city", "store_country", "currency", "item_type", "tax_included")
_DERIVED = ("line_id", "line_type", "customer_id")
"""Texts that every record has, whether the layout maps them or not."""
CUSTOMER = ("customer_name", "customer_segment", "customer_city", "customer_country", "customer_since")
"""Attributes of a customer, which a record without one does not have."""


def stored_columns(layout: SourceMapping) -> dict[str, str]:
    """Columns with an expression over `measured` other than their name."""
    return {
        "line_id": line_id_of(layout),
        "line_type": "kind",
        "changed_at": "coalesce(changed_at, sold_at)",
        "product_category": "coalesce(non_product, product_category)",
        **{field: f"CASE WHEN customer_id <> {literal(GUEST)} THEN {field} END" for field in CUSTOMER},
        "unit_price": "abs(unit_price)",
        "total_amount": "abs(signed_total)",
        "net_quantity": "signed_quantity",
        "net_amount": "signed_amount",
        "item_type": item_type_of(layout),
        "tax_included": f"coalesce(tax_included::BOOLEAN, {DEFAULTS['tax_included']})",
        "discount_amount": "discount",
        "tax_amount": "tax",
        "net_tax_amount": "signed_tax",
    }


def virtual_columns(layout: SourceMapping, values: Mapping[str, FieldValues], retailer_id: str) -> dict[str, str]:
    """Columns of `landed_records` that follow from other columns or are constant."""
    found = {"retailer_id": literal(retailer_id), "quantity": "abs(net_quantity)"}
    if "changed_at" not in layout.columns:
        found["changed_at"] = "sold_at"
    for field in TEXT_FIELDS:
        if field in _DERIVED or (field == "product_category" and layout.non_products):
            continue
        if field not in layout.columns:
            found[field] = DEFAULTS.get(field, "NULL")
        elif field in _CONSTANTS and not values[field].header:
            found[field] = values[field].value
    if layout.has_item_types:
        found.pop("item_type", None)
    if not layout.has_discounts:
        found["discount_amount"] = DEFAULTS["discount_amount"]
        # Only a discount or an included tax makes the net amount another one than the total.
        if not layout.has_tax or "tax_included" not in layout.columns:
            found["total_amount"] = "abs(net_amount)"
    if not layout.has_tax:
        found |= dict.fromkeys(("tax_amount", "net_tax_amount"), "NULL")
    not_mapped = NULLABLE - layout.columns.keys() - set(TEXT_FIELDS) - {*DEFAULTS, "tax_amount", "net_tax_amount"}
    return found | dict.fromkeys(not_mapped, "NULL")
