"""The discount, the tax and the net amount of lines, as DuckDB expressions over their signed totals.

net amount = total - discount - included tax. What a source does not have is never calculated.
"""

from __future__ import annotations

from ingestion.mapping.expressions import Fault
from ingestion.mapping.layout_parts import DISCOUNTED_QUANTITY, QUANTITY_FIELDS
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.sql_text import literals
from ingestion.mapping.transactions import shares
from ingestion.models.columnar import COLUMNS
from ingestion.models.reject_reasons import RejectReason
from shared.currencies import DECIMALS

MONEY = COLUMNS["net_amount"]
_INCLUDED = "CASE WHEN tax_included = 'true' THEN coalesce(tax, 0) ELSE 0 END"
_LEFT = f"gross - discount - {_INCLUDED}"
_SHARES = {"percent": "0.01::DECIMAL(3, 2)", "share": "1"}
_CHARGES = ("discount_amount", "tax_amount", "transaction_discount_amount", "transaction_tax_amount")


def charges(layout: SourceMapping) -> str:
    """CTEs over `totals`. `amounts` has the signed amount and, of layouts with discounts or tax, what it is made of."""
    if not (layout.has_discounts or layout.has_tax):
        return "amounts AS (\n    SELECT *, signed_total AS signed_amount FROM totals\n)"
    return f"""valued AS (
    SELECT
        *,
        abs(signed_total) AS gross,
        CASE
            WHEN signed_total < 0 OR signed_total = 0 AND (kind = 'return' OR signed_quantity < 0) THEN -1 ELSE 1
        END AS direction,
        {_unless_void("abs(tax_amount)")} AS own_tax
    FROM totals
),
discounted AS (
    SELECT *, {_own_discount(layout)} AS own_discount FROM valued
),
{shares(layout)},
amounts AS (
    SELECT
        *,
        (direction * tax)::{MONEY} AS signed_tax,
        TRY_CAST(direction * ({_LEFT}) AS {MONEY}) AS signed_amount
    FROM shared
)"""


def _unless_void(amount: str) -> str:
    """A void line charged nothing. Its tax is null where the source does not give it."""
    return f"CASE WHEN line_kind = 'void' THEN 0 * {amount} ELSE {amount} END"


def _own_discount(layout: SourceMapping) -> str:
    if "net_amount" in layout.columns and "discount_amount" not in layout.columns:
        included = _INCLUDED.replace("tax, 0", "own_tax, 0")
        # A line without an amount of its own, such as one of shipping, was not discounted.
        return _unless_void(f"coalesce(gross - abs(net_amount) - {included}, 0)")
    discount = "abs(coalesce(discount_amount, 0))"
    source = layout.columns.get("discount_amount")
    if source is not None and source.unit != "amount":
        discount = _in_minor_units(f"gross * {discount} * {_SHARES[source.unit]}")
    if DISCOUNTED_QUANTITY in layout.columns:
        of_units = f"{DISCOUNTED_QUANTITY} <> 0 AND {DISCOUNTED_QUANTITY} <> quantity"
        discount = f"CASE WHEN {of_units} THEN {_in_minor_units(_of_the_units(discount))} ELSE {discount} END"
    return _unless_void(discount)


def _of_the_units(discount: str) -> str:
    """SQL of the part of a discount that is for the units of the line. In integers: DuckDB divides as floats."""
    amount = f"(({discount})::DECIMAL(24, 4) * {10**4})::HUGEINT"
    units, all_units = (f"(abs({name})::DECIMAL(18, 3) * {10**3})::HUGEINT" for name in QUANTITY_FIELDS)
    return f"(({amount} * {10**4} * {units} // {all_units})::DECIMAL(38, 0) * 0.{1:08}::DECIMAL(8, 8))"


def _in_minor_units(amount: str) -> str:
    """SQL of an amount, rounded to the minor unit of its currency."""
    cases = " ".join(
        f"WHEN currency IN ({literals(sorted(codes))}) THEN round({amount}, {decimals})::{MONEY}"
        for decimals, codes in DECIMALS.items()
    )
    return f"(CASE {cases} ELSE round({amount}, 2)::{MONEY} END)"


def charge_faults(layout: SourceMapping) -> list[Fault]:
    """Why a line is rejected whose discount or tax does not fit it."""
    if not (layout.has_discounts or layout.has_tax):
        return []
    # Either a source writes all amounts of returns with a minus sign, or none.
    is_negative = "coalesce(total_amount < 0, (quantity < 0) <> (unit_price < 0))"
    given = [f"{name} < 0" for name in _CHARGES if name in layout.columns]
    faults = [Fault(f"({' OR '.join(given)}) AND NOT {is_negative}", RejectReason.SIGN_MISMATCH, "")] if given else []
    faults.append(Fault(f"discount < 0 OR {_LEFT} < 0 OR signed_amount IS NULL", RejectReason.NET_AMOUNT_MISMATCH, ""))
    if not layout.columns.keys().isdisjoint(("transaction_discount_amount", "transaction_tax_amount")):
        faults.append(Fault("is_not_spread", RejectReason.NET_AMOUNT_MISMATCH, ""))
    if {"net_amount", "discount_amount"} <= layout.columns.keys():
        net = f"abs(net_amount) <> gross - own_discount - {_INCLUDED}"
        faults.append(Fault(f"line_kind <> 'void' AND {net}", RejectReason.NET_AMOUNT_MISMATCH, ""))
    return faults
