"""Classifies lines: line type, sign and measures, as DuckDB expressions over typed fields."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Literal

from ingestion.mapping.charges import charge_faults, charges
from ingestion.mapping.expressions import Fault, check_faults, first_fault
from ingestion.mapping.layout_parts import Condition, LineTypeRule
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.sql_text import literal, literals
from ingestion.mapping.transactions import checked_totals
from ingestion.models.columnar import COLUMNS
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import TOTAL_TOLERANCE, UNIT_TOLERANCE


def condition(field: str, wanted: Condition) -> str:
    """SQL condition: whether a typed field fulfils the layout's condition."""
    parts = []
    if wanted.matches is not None:
        parts.append(f"regexp_full_match({field}, {literal(wanted.matches)})")
    if wanted.one_of is not None:
        parts.append(f"{field} IN ({literals(wanted.one_of)})")
    if wanted.below is not None:
        parts.append(f"{field} < {wanted.below}")
    if wanted.above is not None:
        parts.append(f"{field} > {wanted.above}")
    if wanted.equals is not None:
        parts.append(f"{field} = {wanted.equals}")
    return " AND ".join(parts) or "true"


def line_types(layout: SourceMapping) -> str:
    """A CASE over the layout's rules: the line type."""
    return _by_rule(layout, literal("adjustment"), lambda rule: literal(rule.is_))


def _by_rule(layout: SourceMapping, of_money: str, of_rule: Callable[[LineTypeRule], str]) -> str:
    """A CASE over the layout's rules. `of_money` is the value of lines that are money only."""
    cases = [f"WHEN is_money_only THEN {of_money}"] if any(kind.adjustment for kind in layout.non_products) else []
    for rule in layout.line_type:
        where = " AND ".join(condition(field, wanted) for field, wanted in rule.where.items()) or "true"
        cases.append(f"WHEN {where} THEN {of_rule(rule)}")
    return f"CASE {' '.join(cases)} END"


def _signed(layout: SourceMapping, measure: Literal["quantity", "total_amount"]) -> str:
    """A measure with its sign."""
    if not any(rule.negates(measure) for rule in layout.line_type):
        return measure
    is_negated = _by_rule(layout, "false", lambda rule: str(rule.negates(measure)).lower())
    return f"CASE WHEN {is_negated} THEN -{measure} ELSE {measure} END"


def measured(layout: SourceMapping, *, small: bool = False, day: date | None = None) -> str:
    """CTEs over `parsed_rows`. `measured` has line type, signed measures and, for a rejected line, its `line_fault`.

    `small`: every quantity times price is below 10^11, so that the product fits DuckDB's faster decimals.
    `day`: the only business date that is wanted.
    """
    signed, total = _signed(layout, "quantity"), _signed(layout, "total_amount")
    own_total, own_price = "total_amount" in layout.columns, "unit_price" in layout.columns
    price = "" if own_price else f" REPLACE ({_price_of(total, signed)} AS unit_price)"
    if layout.has_voids:
        signed = f"CASE WHEN line_kind = 'void' THEN 0 ELSE {signed} END"
        total = f"CASE WHEN line_kind = 'void' THEN 0 ELSE {total} END"
    money = COLUMNS["net_amount"]
    return f"""kinds AS (
    SELECT *, {line_types(layout)} AS line_kind FROM parsed_rows
),
signed AS (
    SELECT
        *{price},
        CASE line_kind WHEN 'void' THEN 'adjustment' ELSE line_kind END AS kind,
        ({signed})::{COLUMNS["net_quantity"]} AS signed_quantity,
        {f"({total})::{money}" if own_total else f"NULL::{money}"} AS source_total
    FROM kinds
),
priced AS (
    SELECT *, signed_quantity{"" if small else "::DECIMAL(24, 3)"} * unit_price AS exact_amount FROM signed
),
totals AS (
    SELECT
        *,
        coalesce(source_total, TRY_CAST(exact_amount AS {money})) AS signed_total
    FROM priced
),
{charges(layout)},
faults AS (
    SELECT *, {_line_fault(layout, day)} AS line_fault FROM amounts
),
{checked_totals(layout)}"""


LINE_FAULTS = {
    RejectReason.WRONG_DATE: "not sold on the requested business date",
    RejectReason.UNKNOWN_TYPE: "not a sale, return or adjustment by the layout's rules",
    RejectReason.NEGATIVE_PRICE: "a sale or return with a negative price",
    RejectReason.SIGN_MISMATCH: "a sale with a negative quantity or amount, or a return with a positive one",
    RejectReason.TOTAL_MISMATCH: "the total is not quantity x unit price",
    RejectReason.NET_AMOUNT_MISMATCH: "the net amount is not the total less the discount and the tax included in it",
    RejectReason.TRANSACTION_TOTAL_MISMATCH: "the lines of the transaction do not add up to its total",
    RejectReason.OUT_OF_RANGE: "quantity x unit price is outside the limits of the layout's checks",
    RejectReason.INVALID_FORMAT: "quantity x unit price does not match the layout's checks",
    RejectReason.NOT_ALLOWED: "quantity x unit price is not one of the values that the layout's checks allow",
    RejectReason.TOO_MANY_DIGITS: "quantity x unit price has more digits than money can hold; it is never rounded",
}


def _price_of(total: str, quantity: str) -> str:
    """SQL of a unit price that follows from a line's total, rounded half up to 4 decimals; the total stays exact.

    In integers, because DuckDB divides decimals as floats. NULL if it has too many digits.
    """
    amount = f"abs((({total})::DECIMAL(24, 4) * 10000)::HUGEINT)"  # in 1/10000
    units = f"abs((({quantity})::DECIMAL(18, 3) * 1000)::HUGEINT)"  # in 1/1000
    rounded = f"(({amount} * 2000 + {units}) // (2 * {units}))"
    exact = f"TRY_CAST(TRY_CAST({rounded} AS DECIMAL(24, 0)) * 0.0001::DECIMAL(4, 4) AS {COLUMNS['unit_price']})"
    sign = f"sign({total}) * sign({quantity})"
    return f"CASE WHEN ({quantity}) = 0 THEN 0 ELSE ({sign})::DECIMAL(1, 0) * {exact} END::{COLUMNS['unit_price']}"


def _line_fault(layout: SourceMapping, day: date | None) -> str:
    tolerance = f"greatest({TOTAL_TOLERANCE}, abs(signed_quantity) * {UNIT_TOLERANCE})"
    faults = [
        Fault("kind IS NULL", RejectReason.UNKNOWN_TYPE, ""),
        Fault("unit_price IS NULL", RejectReason.TOO_MANY_DIGITS, ""),
        Fault("kind <> 'adjustment' AND unit_price < 0", RejectReason.NEGATIVE_PRICE, ""),
        Fault("signed_total IS NULL", RejectReason.TOO_MANY_DIGITS, ""),
        Fault(f"abs(signed_total - exact_amount) > {tolerance}", RejectReason.TOTAL_MISMATCH, "")
        if "total_amount" in layout.columns
        else Fault("signed_total <> exact_amount", RejectReason.TOO_MANY_DIGITS, ""),
        Fault(
            "kind = 'sale' AND (signed_quantity < 0 OR signed_total < 0)"
            " OR kind = 'return' AND (signed_quantity > 0 OR signed_total > 0)",
            RejectReason.SIGN_MISMATCH,
            "",
        ),
        *charge_faults(layout),
    ]
    for check in layout.checks:
        if check.field == "total_amount" and check.severity == "error":
            faults += check_faults(check, "abs(signed_total)")
    if day is not None:
        faults.append(Fault(f"business_date <> DATE '{day}'", RejectReason.WRONG_DATE, ""))
    return first_fault(faults, "code")
