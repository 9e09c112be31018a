"""What a source says of a transaction as a whole: discount and tax are spread over the lines, the total is checked.

All in DuckDB expressions. A line that was sent twice counts once, in its latest version, as in the load.
"""

from __future__ import annotations

from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.sql_text import literal, literals
from ingestion.models.columnar import COLUMNS, DEFAULTS
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import NOT_REVENUE, ItemType
from shared.currencies import DECIMALS

MONEY = COLUMNS["net_amount"]
_EXACT = 10_000
"""Amounts are spread in whole numbers: of minor units, or of the smallest amount that the contract holds."""
_OF_PRODUCTS = f"item_type = {literal(ItemType.PRODUCT)}"
_TAXABLE = f"item_type NOT IN ({literals(NOT_REVENUE)})"


def line_id_of(layout: SourceMapping) -> str:
    """SQL of a row's line id: the source's own, else a digest of the row."""
    return "line_id" if "line_id" in layout.columns and not layout.duplicate_key else "line_digest"


def item_type_of(layout: SourceMapping) -> str:
    """SQL of what a row charges for; NULL where the source does not say."""
    of_code = "non_product_item_type" if layout.has_item_types else ""
    of_column = "item_type" if "item_type" in layout.columns else ""
    return f"coalesce({', '.join(filter(None, (of_code, of_column, DEFAULTS['item_type'])))})"


def minor_unit() -> str:
    """SQL of the minor unit of `currency`."""
    cases = " ".join(
        f"WHEN currency IN ({literals(sorted(codes))}) THEN {10**-decimals:.{decimals}f}"
        for decimals, codes in DECIMALS.items()
    )
    return f"CASE {cases} ELSE 0.01 END"


def shares(layout: SourceMapping) -> str:
    """CTEs over `discounted`. `shared` has each line's `discount` and `tax`, shares of its transaction's included.

    A discount is spread over the products by what is left of their total, then the tax over all lines except tips and
    gift cards in the same way; if there is no such line, over all lines. The largest remainders are rounded up.
    """
    spread = [name for name in ("discount", "tax") if f"transaction_{name}_amount" in layout.columns]
    if not spread:
        return "shared AS (\n    SELECT *, own_discount AS discount, own_tax AS tax FROM discounted\n)"
    ctes = [_distinct_lines(layout)]
    table = "distinct_lines"
    for name, wanted in (("discount", _OF_PRODUCTS), ("tax", _TAXABLE)):
        if name in spread:
            ctes += _spread(name, wanted, table)
            table = f"lines_with_{name}"
    of_discount = "coalesce(share.discount_share, 0)" if "discount" in spread else "0"
    tax = "coalesce(own_tax, 0) + share.tax_share" if "tax" in spread else "own_tax"
    void = "line_kind = 'void'"
    # Where no line has a value, there is nothing to spread an amount over, and it must not be lost.
    lost = " OR ".join(f"discounted.transaction_{name}_amount <> 0 AND share.{name}_share IS NULL" for name in spread)
    ctes.append(
        f"""shared AS (
    SELECT
        discounted.*,
        CASE WHEN {void} THEN 0 ELSE own_discount + {of_discount} END AS discount,
        CASE WHEN {void} THEN 0 * ({tax}) ELSE {tax} END AS tax,
        NOT ({void}) AND ({lost}) AS is_not_spread
    FROM discounted
    LEFT JOIN {table} AS share
        ON share.transaction_id = discounted.transaction_id AND share.line = discounted.{line_id_of(layout)}
)"""
    )
    return ",\n".join(ctes)


def _distinct_lines(layout: SourceMapping) -> str:
    line = line_id_of(layout)
    return f"""distinct_lines AS (
    SELECT DISTINCT ON (transaction_id, {line})
        transaction_id, {line} AS line, source_row, currency, {item_type_of(layout)} AS item_type,
        (gross - own_discount)::{MONEY} AS value, transaction_discount_amount, transaction_tax_amount
    FROM discounted
    WHERE line_kind <> 'void'
    ORDER BY transaction_id, {line}, changed_at DESC NULLS LAST, source_row
)"""


def _spread(name: str, wanted: str, table: str) -> list[str]:
    """CTEs over `table`. `lines_with_<name>` has also `<name>_share`, and of a discount the value that is left."""
    left = f"* REPLACE ((value - {name}_share)::{MONEY} AS value)" if name == "discount" else "*"
    return [
        _weights(name, wanted, table),
        f"""{name}_floors AS (
    SELECT
        *,
        (amount / unit)::HUGEINT AS units,
        CASE WHEN weights > 0 THEN (amount / unit)::HUGEINT * weight // weights END AS part,
        CASE WHEN weights > 0 THEN (amount / unit)::HUGEINT * weight % weights END AS remainder
    FROM {name}_units
),
{name}_parts AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY transaction_id ORDER BY remainder DESC, source_row) AS place,
        units - sum(part) OVER (PARTITION BY transaction_id) AS units_left
    FROM {name}_floors
),
{name}_shares AS (
    SELECT
        * EXCLUDE (weight, amount, weights, unit, units, part, remainder, place, units_left),
        ((part + CASE WHEN place <= units_left THEN 1 ELSE 0 END) * unit)::{MONEY} AS {name}_share
    FROM {name}_parts
)""",
        f"lines_with_{name} AS (\n    SELECT {left} FROM {name}_shares\n)",
    ]


def _weights(name: str, wanted: str, table: str) -> str:
    """CTEs over `table`. `<name>_units` has what is spread, in which unit, and the weight of each line."""
    return f"""{name}_weights AS (
    SELECT
        *,
        CASE
            WHEN bool_or({wanted} AND value > 0) OVER of_transaction AND NOT ({wanted}) THEN 0
            ELSE greatest(value, 0) * {_EXACT}
        END::HUGEINT AS weight,
        abs(max(transaction_{name}_amount) OVER of_transaction) AS amount
    FROM {table}
    WINDOW of_transaction AS (PARTITION BY transaction_id)
),
{name}_units AS (
    SELECT
        *,
        sum(weight) OVER (PARTITION BY transaction_id)::HUGEINT AS weights,
        CASE WHEN amount % ({minor_unit()}) = 0 THEN {minor_unit()} ELSE {1 / _EXACT:.4f} END AS unit
    FROM {name}_weights
)"""


def checked_totals(layout: SourceMapping) -> str:
    """CTEs over `faults`. `measured` rejects all lines of a transaction whose lines do not add up to its total.

    A transaction with a line that is rejected anyway is not checked, nor is a void one: its total was not charged.
    """
    if "transaction_total_amount" not in layout.columns:
        return "measured AS (\n    SELECT * FROM faults\n)"
    line = line_id_of(layout)
    tax = "signed_tax" if layout.has_tax else f"NULL::{MONEY}"
    # Where a refund is written without minus signs, so is its total.
    sign = "abs" if any(rule.negate for rule in layout.line_type) else ""
    tolerance = layout.total_tolerance or f"({minor_unit()} / 2 * greatest(tax_lines, 1))"
    return f"""latest_lines AS (
    SELECT DISTINCT ON (transaction_id, {line})
        transaction_id, currency, has_bad_field OR line_fault IS NOT NULL AS is_rejected, line_kind = 'void' AS is_void,
        signed_amount, {tax} AS signed_tax, transaction_total_amount, changed_at
    FROM faults
    ORDER BY transaction_id, {line}, changed_at DESC NULLS LAST, source_row
),
transaction_sums AS (
    SELECT
        transaction_id, min(currency) AS currency, bool_or(is_rejected OR is_void) AS is_not_checked,
        sum(signed_amount) + coalesce(sum(signed_tax), 0) AS charged, count(nullif(signed_tax, 0)) AS tax_lines,
        max(transaction_total_amount) AS reported
    FROM latest_lines
    GROUP BY transaction_id
),
wrong_transactions AS (
    SELECT transaction_id
    FROM transaction_sums
    WHERE NOT is_not_checked AND abs({sign}(charged) - {sign}(reported)) > {tolerance}
),
measured AS (
    SELECT
        faults.* EXCLUDE (line_fault),
        CASE
            WHEN wrong_transactions.transaction_id IS NOT NULL AND line_fault IS NULL AND NOT has_bad_field
            THEN '{RejectReason.TRANSACTION_TOTAL_MISMATCH}'
            ELSE line_fault
        END AS line_fault
    FROM faults
    LEFT JOIN wrong_transactions ON wrong_transactions.transaction_id = faults.transaction_id
)"""
