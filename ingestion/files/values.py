"""Each mapped column's distinct texts, read and judged once: 541,909 rows hold 722 quantities.

Grain of `values_of_<field>`: one distinct text. Columns: `text` as in the file, `rows` that hold it, `value` typed,
`code` and `reason` when a row with it is refused. Rows find their value by a join on the text, unless the text
already is the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import duckdb

from ingestion.files.expressions import (
    Fault,
    check_faults,
    first_fault,
    is_number,
    number_faults,
    number_value,
    plain_number,
    text_faults,
)
from ingestion.files.layouts import NUMBER_FIELDS, REQUIRED_FIELDS, TIME_FIELDS, FieldSource, Layout
from ingestion.files.sql_text import literal, literals, trimmed
from ingestion.files.times import time_values
from ingestion.models.columnar import COLUMNS
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import GUEST
from ingestion.normalizers.currencies import CURRENCIES
from shared.errors import FixConfiguration


@dataclass(frozen=True)
class FieldValues:
    """How a field's value is found for a row of `source_rows s`."""

    field: str
    header: str
    """The column (or columns) as messages name it."""
    text: str
    """SQL of the cell's text; a literal for constants."""
    value: str
    """SQL of the typed value; reads `values_of_<field>` by the alias of the field's name when `joined`."""
    joined: bool
    refused_rows: int
    """Rows whose value is refused."""
    missing_rows: int
    """Rows that have none of their own."""

    @property
    def table(self) -> str:
        """Name of the table of distinct texts; constants have none."""
        return f"values_of_{self.field}"

    @property
    def table_exists(self) -> bool:
        """Whether the field comes from a column."""
        return not self.header.startswith("(constant")


def read_values(connection: duckdb.DuckDBPyConnection, layout: Layout, cells: dict[str, str]) -> dict[str, FieldValues]:
    """Read every mapped field. `cells` gives the SQL of a source column's text by header."""
    return {
        field: _constant(connection, layout, field, source)
        if source.value is not None
        else _column(connection, layout, field, source, cells)
        for field, source in layout.columns.items()
    }


def _column(
    connection: duckdb.DuckDBPyConnection, layout: Layout, field: str, source: FieldSource, cells: dict[str, str]
) -> FieldValues:
    header = " + ".join(source.headers)
    texts = [cells[name] for name in source.headers]
    text = texts[0] if len(texts) == 1 else f"trim(concat_ws(' ', {', '.join(texts)}))"
    table = f"values_of_{field}"
    distinct = f"SELECT {text} AS text, count(*) AS rows FROM source_rows AS s GROUP BY {text}"
    if field in TIME_FIELDS:
        _create_times(connection, layout, field, source, header, distinct)
    else:
        reading = _number if field in NUMBER_FIELDS else _text
        connection.execute(f"CREATE OR REPLACE TABLE {table} AS {reading(layout, field, source, distinct)}")
    missing, refused, changed = _summary(connection, table)
    joined = changed or refused > 0 or field in NUMBER_FIELDS or field in TIME_FIELDS
    value = f"{field}.value" if joined else f"nullif({text}, '')"
    return FieldValues(field, header, text, value, joined, refused, missing)


def _constant(connection: duckdb.DuckDBPyConnection, layout: Layout, field: str, source: FieldSource) -> FieldValues:
    text = literal(source.value or "")
    reading = _number if field in NUMBER_FIELDS else _text
    found = connection.execute(
        f"SELECT value::VARCHAR, reason FROM ({reading(layout, field, source, f'SELECT {text} AS text, 1 AS rows')})"
    ).fetchone()
    if found is None or found[1] is not None or found[0] is None:
        raise FixConfiguration(
            f"The layout {layout.name} is wrong: columns.{field}.value {source.value!r}: {found[1] if found else ''}"
        )
    value = f"{literal(found[0])}::{'VARCHAR' if field not in NUMBER_FIELDS else _type(field)}"
    return FieldValues(field, f"(constant {field})", text, value, False, 0, 0)


def _type(field: str) -> str:
    return COLUMNS[field]


def _missing_fault(layout: Layout, field: str) -> list[Fault]:
    required = field in REQUIRED_FIELDS or any(check.required for check in layout.checks if check.field == field)
    required = required or field == "line_id"
    return [Fault("value IS NULL AND is_empty", RejectReason.MISSING_FIELD, "missing")] if required else []


def _checks(layout: Layout, field: str) -> list[Fault]:
    return [
        fault
        for check in layout.checks
        if check.field == field and check.severity == "error"
        for fault in check_faults(check)
    ]


def _stand_in(field: str, source: FieldSource) -> str | None:
    if source.when_missing is not None and source.when_missing.use == "default":
        return source.when_missing.value
    return GUEST if field == "customer_id" else None


def _text(layout: Layout, field: str, source: FieldSource, distinct: str) -> str:
    stand_in = _stand_in(field, source)
    read = f"nullif({trimmed('text')}, '')"
    value = read if stand_in is None else f"coalesce({read}, {literal(stand_in)})"
    own = text_faults(field)
    if field == "currency":
        own.append(_unknown_currency())
    faults = [*_missing_fault(layout, field), *own, *_checks(layout, field)]
    return (
        f"WITH texts AS ({distinct}),"
        f" read AS (SELECT text, rows, {read} IS NULL AS is_empty, {value} AS value FROM texts)"
        f" SELECT text, rows, is_empty, value, {first_fault(faults, 'code')} AS code,"
        f" {first_fault(faults, 'reason')} AS reason FROM read"
    )


def _unknown_currency() -> Fault:
    return Fault(
        f"value NOT IN ({literals(sorted(CURRENCIES))})", RejectReason.UNKNOWN_CURRENCY, "no ISO 4217 currency"
    )


def _number(layout: Layout, field: str, source: FieldSource, distinct: str) -> str:
    stand_in = _stand_in(field, source)
    value = (
        number_value(field)
        if stand_in is None
        else f"CASE WHEN is_empty THEN {stand_in} ELSE {number_value(field)} END"
    )
    faults = [
        *_missing_fault(layout, field),
        *(
            Fault(f"NOT is_empty AND {fault.condition}", fault.code, fault.reason)
            for fault in number_faults(field, layout.format)
        ),
        *_checks(layout, field),
    ]
    return (
        f"WITH texts AS ({distinct}), plain AS (SELECT text, rows, {trimmed('text')} = '' AS is_empty,"
        f" {plain_number(layout.format)} AS plain, {is_number(layout.format)} AS is_number FROM texts),"
        f" read AS (SELECT *, {value} AS value FROM plain)"
        f" SELECT text, rows, is_empty, value, {first_fault(faults, 'code')} AS code,"
        f" {first_fault(faults, 'reason')} AS reason FROM read"
    )


def _create_times(
    connection: duckdb.DuckDBPyConnection,
    layout: Layout,
    field: str,
    source: FieldSource,
    header: str,
    distinct: str,
) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE distinct_times AS {distinct}")
    faults = [*_missing_fault(layout, field)]
    time_values(
        connection, f"values_of_{field}", source.format or "iso", ZoneInfo(layout.time_zone), layout.dates, faults
    )


def _summary(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int, bool]:
    found = connection.execute(
        "SELECT coalesce(sum(rows) FILTER (WHERE is_empty), 0), coalesce(sum(rows) FILTER (WHERE code IS NOT NULL), 0),"
        f" coalesce(bool_or(value::VARCHAR IS DISTINCT FROM nullif(text, '')), false) FROM {table}"
    ).fetchone()
    assert found is not None  # noqa: S101 - an aggregate without groups has a row
    return int(found[0]), int(found[1]), bool(found[2])
