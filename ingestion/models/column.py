"""What the contract says about a field's column in the warehouse: an annotation on the fields of `SalesRecord`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """How a field is stored in fact_sales and ops.superseded_sales. `ingestion.models.columns` reads it.

    Without further arguments the column has the field's name and type, and a load compares its values to find changes.
    """

    in_fact: bool = False
    name: str = ""
    """Its name in fact_sales where it differs from the field's."""
    type: str = ""
    """Its PostgreSQL type where it does not follow from the field."""
    is_key: bool = False
    """Whether it is part of the primary key. Keys identify a row, so they are not compared."""
    dimension: str = ""
    """The dimension whose surrogate key replaces the field: `product` for product_id, stored as product_key."""
