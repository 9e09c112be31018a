"""Flags rows that are kept: outliers, failed checks of severity warning, stock codes that are not products.

Grain of `flagged_rows`: one landed row and one rule. Exact duplicates of a row are flagged as often as they landed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import duckdb

from ingestion.mapping.classification import measured
from ingestion.mapping.expressions import check_faults
from ingestion.mapping.field_values import FieldValues
from ingestion.mapping.future_times import FUTURE_TIMES
from ingestion.mapping.layout_parts import Outliers
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.rules import check_code, imputed_code, outlier_code
from ingestion.mapping.sql_text import literal
from ingestion.mapping.transaction_flags import TransactionFlag
from ingestion.mapping.transactions import line_id_of
from ingestion.models.retailer_data import GUEST


def fill_flagged_rows(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    values: Mapping[str, FieldValues],
    latest: datetime | None = None,
    across_rows: Sequence[TransactionFlag] = (),
) -> dict[str, int]:
    """Fill `flagged_rows` from `landed_records`. Returns rule code → rows. Times after `latest` are flagged."""
    found = []
    if latest is not None and not layout.columns.keys().isdisjoint(("changed_at", "customer_since")):
        found.append(("FUTURE_TIME", FUTURE_TIMES.replace("$latest", f"TIMESTAMPTZ '{latest.isoformat()}'")))
    for outliers in layout.outliers:
        low, high = _fences(connection, outliers, values)
        found.append((outlier_code(outliers), f"{outliers.field} < {low} OR {outliers.field} > {high}"))
    for check in layout.checks:
        if check.severity == "warning":
            is_empty = f"customer_id = {literal(GUEST)}" if check.field == "customer_id" else f"{check.field} IS NULL"
            empty = [is_empty] if check.required else []
            faults = [fault.condition for fault in check_faults(check, check.field)]
            found.append((check_code(check), " OR ".join([*empty, *faults]) or "false"))
    found += [(each.code, each.where) for each in across_rows]
    if layout.non_products:
        found.append(("NON_PRODUCT", "product_id IN (SELECT product_id FROM non_products)"))
    create_flagged_rows(connection)
    parts = [
        f"SELECT business_date, transaction_id, line_id, {literal(code)} FROM landed_records WHERE {where}"
        for code, where in found
    ]
    filled = [name for name, source in layout.columns.items() if source.when_missing and values[name].missing_rows]
    if filled or any(each.flagged_rows for each in values.values()):
        parts.append(flags_of_values(layout))
    if parts:
        connection.execute(f"INSERT INTO flagged_rows {' UNION ALL '.join(parts)}")
    counted = connection.execute("SELECT rule_code, count(*) FROM flagged_rows GROUP BY ALL ORDER BY ALL").fetchall()
    codes = [*(code for code, _ in found), *(imputed_code(name) for name in filled)]
    return dict.fromkeys(codes, 0) | dict(counted)


def count_imputed(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, flagged: Mapping[str, int]
) -> dict[str, int]:
    """Field → landed rows whose empty value was filled in. A product without a name gets one downstream."""
    found = connection.execute(
        "SELECT count(*) FILTER (WHERE product_name IS NULL), count(*) FILTER (WHERE customer_id = ?)"
        " FROM landed_records",
        [GUEST],
    ).fetchone()
    names, guests = found or (0, 0)
    counts = {"product_name": names, "customer_id": guests}
    counts |= {
        name: flagged.get(imputed_code(name), 0) for name, source in layout.columns.items() if source.when_missing
    }
    return {field: count for field, count in counts.items() if count}


def create_flagged_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Create `flagged_rows`, without rows."""
    connection.execute(
        "CREATE OR REPLACE TABLE flagged_rows(business_date DATE, transaction_id VARCHAR, line_id VARCHAR,"
        " rule_code VARCHAR)"
    )


def flags_of_values(layout: SourceMapping, parsed_rows: str = "", day: date | None = None) -> str:
    """A query of the flags of single values, one row per rule. `parsed_rows`: SQL, where there is no such view."""
    line_id = line_id_of(layout)
    given = f"parsed_rows AS ({parsed_rows}), " if parsed_rows else ""
    return (
        f"SELECT business_date, transaction_id, {line_id}, unnest(list_distinct(row_flags)) FROM ("
        f"WITH {given}{measured(layout, day=day)} SELECT * FROM measured"
        " WHERE NOT has_bad_field AND line_fault IS NULL)"
    )


def _fences(
    connection: duckdb.DuckDBPyConnection, outliers: Outliers, values: Mapping[str, FieldValues]
) -> tuple[str, str]:
    """Tukey's fences of a measure as stored, so positive: the discrete quartiles -/+ factor x their distance.

    Computed from the distinct values and the number of rows with each.
    """
    field = outliers.field
    if field in values and values[field].header:
        source = f"SELECT abs(value) AS value, sum(rows) AS rows FROM {values[field].table} WHERE value IS NOT NULL AND code IS NULL GROUP BY 1"  # noqa: E501
    else:
        source = f"SELECT {field} AS value, count(*) AS rows FROM landed_records GROUP BY 1"
    found = connection.execute(
        f"WITH counted AS ({source}), ranked AS (SELECT value, sum(rows) OVER (ORDER BY value) AS upto,"
        " sum(rows) OVER () AS total FROM counted)"
        " SELECT min(value) FILTER (WHERE upto * 4 >= total),"
        " min(value) FILTER (WHERE upto * 4 >= total * 3) FROM ranked"
    ).fetchone()
    if found is None or found[0] is None:
        return "0", "0"
    low, high = found
    reach = (high - low) * type(low)(str(outliers.factor))
    return str(low - reach), str(high + reach)
