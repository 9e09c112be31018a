"""The DuckDB columns say what `SalesRecord` says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import get_args

from ingestion.models.columnar import COLUMNS, NULLABLE
from ingestion.models.retailer_data import FIELDS, SalesRecord


def test_names_and_order_are_the_contracts() -> None:
    assert tuple(COLUMNS) == FIELDS


def test_columns_with_a_default_of_none_may_be_null() -> None:
    assert {name for name, field in SalesRecord.model_fields.items() if not field.is_required()} == NULLABLE


def test_types_and_precision_are_the_contracts() -> None:
    for name, field in SalesRecord.model_fields.items():
        kinds = {field.annotation, *get_args(field.annotation)}
        digits = [getattr(rule, "max_digits", None) for rule in field.metadata]
        places = [getattr(rule, "decimal_places", None) for rule in field.metadata]
        if Decimal in kinds:
            expected = f"DECIMAL({next(filter(None, digits))},{next(filter(None, places))})"
            assert COLUMNS[name] == expected, name
        elif date in kinds:
            assert COLUMNS[name] == "DATE", name
        elif name.endswith(("_at", "_since")):
            assert COLUMNS[name] == "TIMESTAMPTZ", name
        else:
            assert COLUMNS[name] == "VARCHAR", name
