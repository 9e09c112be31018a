"""The control totals of a date's manifest, and of files also a digest that shows whether a date has changed.

Here they are computed for the dates of files; `verify.py` computes those of an API's listing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import duckdb

from ingestion.models.columnar import COLUMNS
from shared.errors import StopRun
from shared.partitions import ControlAmounts

LARGEST_SUM = Decimal(10) ** 16
"""Money of one date and currency, regardless of its sign: the summaries of the warehouse hold less than this."""

GROSS_LINE = "total_amount + coalesce(tax_amount, 0)"
GROSS = f"sum({GROSS_LINE})"
"""Of lines: no amount of the summaries is larger, whatever the signs are. Discounts are part of the total."""


def check_sum(what: str, currency: str, gross: Decimal) -> None:
    """Raises StopRun when the lines of a date add up to more money than the warehouse can hold of it."""
    if gross >= LARGEST_SUM:
        raise StopRun(
            f"{what}: its lines add up to {gross:,.0f} {currency}, regardless of their sign. The warehouse holds less"
            f" than {LARGEST_SUM:,} of one date, so it is not landed. Have the source corrected."
        )


@dataclass
class DayContents:
    """Control totals of a date, as its manifest declares them."""

    landed: int = 0
    distinct: int = 0
    rejected: int = 0
    landed_amounts: dict[str, Decimal] = field(default_factory=dict)
    rejected_amounts: dict[str, Decimal] = field(default_factory=dict)
    landed_tax: dict[str, Decimal] = field(default_factory=dict)

    @property
    def amounts(self) -> dict[str, ControlAmounts]:
        """Signed net money by currency."""
        zero = Decimal(0)
        return {
            currency: ControlAmounts(
                landed=self.landed_amounts.get(currency, zero),
                rejected=self.rejected_amounts.get(currency, zero),
                landed_tax=self.landed_tax.get(currency, zero),
            )
            for currency in sorted({*self.landed_amounts, *self.rejected_amounts})
        }


def day_digests(cursor: duckdb.DuckDBPyConnection) -> dict[date, str]:
    """A digest per business date of its records and rejected rows, independent of their order and position."""
    # Every column is named: a column with the same value in all records of a file is virtual, and `*` would miss it.
    found = cursor.execute(
        "SELECT business_date, concat_ws(':', sum(landed), sum(records), sum(rejected), sum(rejections)) FROM ("  # noqa: S608
        f" SELECT business_date, count(*) AS landed, sum(hash({', '.join(COLUMNS)})) AS records, 0 AS rejected,"
        " 0 AS rejections FROM landed_records GROUP BY business_date"
        " UNION ALL SELECT business_date, 0, 0, count(*), sum(hash(code, payload)) FROM rejected_rows"
        " GROUP BY business_date) GROUP BY business_date"
    ).fetchall()
    return dict(found)


def day_contents(cursor: duckdb.DuckDBPyConnection) -> Mapping[date, DayContents]:
    """Control totals of every business date in `landed_records` and `rejected_rows`."""
    contents: defaultdict[date, DayContents] = defaultdict(DayContents)
    for day, currency, count, amount, tax, gross in cursor.execute(
        f"SELECT business_date, currency, count(*), sum(net_amount), coalesce(sum(net_tax_amount), 0), {GROSS}"  # noqa: S608
        " FROM landed_records GROUP BY business_date, currency"
    ).fetchall():
        check_sum(str(day), currency, gross)
        contents[day].landed += count
        contents[day].landed_amounts[currency] = amount
        contents[day].landed_tax[currency] = tax
    # A 64-bit hash of the natural key: with a million records a day, two collide once in 37 million days.
    for day, count in cursor.execute(
        "SELECT business_date, count(DISTINCT hash(transaction_id, line_id)) FROM landed_records GROUP BY business_date"
    ).fetchall():
        contents[day].distinct = count
    for day, currency, count, amount in cursor.execute(
        "SELECT business_date, CASE WHEN net_amount IS NOT NULL THEN currency END, count(*), sum(net_amount)"
        " FROM rejected_rows GROUP BY ALL"
    ).fetchall():
        contents[day].rejected += count
        if currency is not None:
            contents[day].rejected_amounts[currency] = amount
    return contents
