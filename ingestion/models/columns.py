"""Every list of sales columns, generated from the contract, and the placeholders that put them into SQL files.

`{fact_columns}` is replaced by the columns of fact_sales. `{fact_columns:staged}` prefixes each with `staged.`, and
`{fact_columns:staged; load_id=%(load_id)s}` replaces one of them by an expression. The lists are the keys of `LISTS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import get_args

from pydantic import AwareDatetime
from pydantic.fields import FieldInfo

from ingestion.models.column import Column
from ingestion.models.retailer_data import SalesRecord

_TABLE_ORDER = (
    "business_date", "retailer_id", "transaction_id", "line_id", "product_id", "customer_id", "store_id", "line_type",
    "sold_at", "currency", "quantity", "unit_price", "total_amount", "net_quantity", "net_amount", "changed_at",
)  # fmt: skip
"""Order of the columns in database/init. Later ones follow in the order of the contract, as ALTER TABLE adds them."""
_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?((?:;\s*\w+=[^;{}]+)*)\}")


@dataclass(frozen=True)
class ContractColumn:
    """A field of the contract as a column."""

    name: str
    type: str
    """PostgreSQL type of the field's own values."""
    is_nullable: bool
    stored: Column
    default: str | None = None
    """The value, as text, in records that were landed before the field existed; None for null or if it always did."""

    @property
    def fact_name(self) -> str:
        """Its name in fact_sales."""
        return f"{self.stored.dimension}_key" if self.stored.dimension else self.stored.name or self.name

    @property
    def fact_type(self) -> str:
        """Its PostgreSQL type in fact_sales."""
        return "bigint" if self.stored.dimension else self.staged_type

    @property
    def staged_name(self) -> str:
        """Its name in staged_sales, where dimensions are still named by the source's identifiers."""
        return self.name if self.stored.dimension else self.fact_name

    @property
    def staged_type(self) -> str:
        """Its PostgreSQL type in staged_sales."""
        return self.stored.type or self.type


@dataclass(frozen=True)
class TableColumn:
    """A column of a table of the warehouse."""

    name: str
    type: str
    is_nullable: bool = False


def _contract_column(name: str, field: FieldInfo) -> ContractColumn:
    stored = next((rule for rule in field.metadata if isinstance(rule, Column)), Column())
    default = None if field.is_required() or field.default is None else str(field.default).lower()
    return ContractColumn(name, _sql_type(field), type(None) in get_args(field.annotation), stored, default)


def _sql_type(field: FieldInfo) -> str:
    parts = annotation_parts(field)
    if Decimal in parts:
        digits, places = (
            next(value for part in parts if (value := getattr(part, rule, None)))
            for rule in ("max_digits", "decimal_places")
        )
        return f"numeric({digits},{places})"
    if AwareDatetime in parts:
        return "timestamptz"
    return "date" if date in parts else "boolean" if bool in parts else "text"


def annotation_parts(field: FieldInfo) -> list[object]:
    """The types and the limits that a field's annotation, such as `Annotated[str, …] | None`, consists of."""
    return [*_parts(field.annotation), *field.metadata]


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    limits = annotation.metadata if isinstance(annotation, FieldInfo) else ()
    for part in (*get_args(annotation), *getattr(annotation, "__metadata__", ()), *limits):
        yield from _parts(part)


CONTRACT: tuple[ContractColumn, ...] = tuple(
    _contract_column(name, field) for name, field in SalesRecord.model_fields.items()
)
"""The columns of a sales record, in the order of the contract."""


VERSION_ORDER = ("changed_at", "net_amount", "currency")
"""Of several lines of one business date with the same natural key the one with the greatest of these counts.

So it is the one that the source changed last, and of those changed at the same time the one with the most money. Both
the reconciliation of a listing and the load go by this, or the warehouse would have other money than was reconciled.
The order of the lines does not count: a source may list them in another order each time.
"""
MEMBER_FIELDS = frozenset(column.name for column in CONTRACT if column.stored.dimension)
"""Fields that name a member of a dimension."""


def _in_fact() -> list[ContractColumn]:
    """The columns of the contract that fact_sales stores, in the order of the table, without load_id."""
    known = {column.name: column for column in CONTRACT if column.stored.in_fact}
    return [known.pop(name) for name in _TABLE_ORDER] + list(known.values())


def fact_table() -> list[TableColumn]:
    """The columns of fact_sales, as the database has them."""
    columns = [TableColumn(each.fact_name, each.fact_type, each.is_nullable) for each in _in_fact()]
    columns.insert(len(_TABLE_ORDER), TableColumn("load_id", "bigint"))
    return columns


def superseded_table() -> list[TableColumn]:
    """The columns of ops.superseded_sales: as fact_sales, with the customer's identifier and without load_id."""
    by_identifier = TableColumn("customer_id", "text")
    columns = [each for each in fact_table() if each.name != "load_id"]
    return [by_identifier if each.name == "customer_key" else each for each in columns]


def staging_table() -> list[TableColumn]:
    """The columns of the temporary table staged_sales, in the order of the contract after the business date."""
    staged = [each for each in CONTRACT if each.stored.in_fact and each.name not in ("retailer_id", "business_date")]
    return [
        TableColumn("date_key", "integer"),
        *(TableColumn(each.staged_name, each.staged_type, each.is_nullable) for each in staged),
    ]


def duckdb_type(type_name: str) -> str:
    """DuckDB's name of a PostgreSQL type."""
    base, _, precision = type_name.upper().partition("(")
    return {"TEXT": "VARCHAR", "CHAR": "VARCHAR"}.get(base) or base.replace("NUMERIC", "DECIMAL") + (
        f"({precision}" if precision else ""
    )


def _lists() -> dict[str, list[str]]:
    stored, fact = _in_fact(), [column.name for column in fact_table()]
    keys = {column.fact_name for column in stored if column.stored.is_key}
    keyed = [name for name in fact if name not in ("retailer_key", "load_id")]
    keyed.insert(keyed.index("store_key") + 1, "customer_id")
    names = [column.name for column in CONTRACT]
    return {
        "fact_columns": fact,
        "superseded_columns": [column.name for column in superseded_table()],
        "present_columns": [name for name in fact if name != "retailer_key"],
        "compared_columns": [name for name in fact if name not in (*keys, "load_id")],
        "changing_columns": [name for name in fact if name not in keys],
        "keyed_columns": keyed,
        "staged_columns": [column.name for column in staging_table()],
        "last_columns": names[names.index("quantity") :],
        "version_order": list(VERSION_ORDER),
    }


LISTS: Mapping[str, Sequence[str]] = _lists()
"""Column names by the name of their placeholder.

fact_columns, superseded_columns, staged_columns: those of the three tables.
present_columns: of fact_sales without the retailer. keyed_columns: of a staged row with its surrogate keys.
compared_columns: those whose difference makes a row `updated`. changing_columns: those that an update writes.
last_columns: the fields of the contract from `quantity` on. version_order: `VERSION_ORDER`.
"""


def render(text: str) -> str:
    """SQL with the placeholders of `LISTS` filled in; other placeholders stay. Raises ValueError for a wrong column."""
    return _PLACEHOLDER.sub(_rendered, text)


def _rendered(found: re.Match[str]) -> str:
    name, alias, given = found.groups()
    if name == "staging_definitions":
        return ", ".join(
            f"{each.name} {each.type}{'' if each.is_nullable else ' NOT NULL'}" for each in staging_table()
        )
    if name == "assigned_columns":
        return ", ".join(f"{column} = excluded.{column}" for column in LISTS["changing_columns"])
    if name not in LISTS:
        return found.group()
    expressions = dict(pair.strip().split("=", 1) for pair in given.split(";")[1:])
    if unknown := expressions.keys() - set(LISTS[name]):
        raise ValueError(f"{found.group()} replaces {', '.join(sorted(unknown))}, which {name} does not have.")
    prefix = f"{alias}." if alias else ""
    return ", ".join(expressions.get(column, prefix + column) for column in LISTS[name])
