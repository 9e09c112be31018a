"""The DuckDB columns say what `SalesRecord` says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ingestion.models.columnar import COLUMNS, DEFAULTS, NULLABLE
from ingestion.models.columns import annotation_parts
from ingestion.models.retailer_data import FIELDS, SalesRecord


def test_names_and_order_are_the_contracts() -> None:
    assert tuple(COLUMNS) == FIELDS


def test_columns_with_a_default_of_none_may_be_null() -> None:
    optional = {name: field.default for name, field in SalesRecord.model_fields.items() if not field.is_required()}
    assert {name for name, default in optional.items() if default is None} == NULLABLE
    assert optional.keys() - NULLABLE == DEFAULTS.keys()


def test_types_and_precision_are_the_contracts() -> None:
    for name, field in SalesRecord.model_fields.items():
        parts = annotation_parts(field)
        if Decimal in parts:
            digits, places = (
                next(value for part in parts if (value := getattr(part, rule, None)))
                for rule in ("max_digits", "decimal_places")
            )
            assert COLUMNS[name] == f"DECIMAL({digits},{places})", name
        elif bool in parts:
            assert COLUMNS[name] == "BOOLEAN", name
        elif date in parts:
            assert COLUMNS[name] == "DATE", name
        elif name.endswith(("_at", "_since")):
            assert COLUMNS[name] == "TIMESTAMPTZ", name
        else:
            assert COLUMNS[name] == "VARCHAR", name
