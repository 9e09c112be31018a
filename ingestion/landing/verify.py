"""Verifies a listing: its control totals, and their comparison with the retailer's control report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from ingestion.landing.control_totals import GROSS_LINE, DayContents
from ingestion.models.columns import VERSION_ORDER
from shared.partitions import ControlReport

if TYPE_CHECKING:
    import pyarrow

LISTING_KEYS = "key UBIGINT, changed_at TIMESTAMPTZ, currency VARCHAR, net_amount DECIMAL(18,4)"
"""Columns of `listing_keys`, one row per landed line. `key` is a 64-bit hash of the natural key: with a million lines a
day, two collide once in 37 million days."""
LISTING_SUMS = "currency VARCHAR, net_amount DECIMAL(38,4), net_tax_amount DECIMAL(38,4), gross_amount DECIMAL(38,4)"
"""Columns of `listing_sums`, one row per currency and part of the listing."""
COUNTED = (
    "hash(transaction_id, line_id) AS key, changed_at, currency, net_amount, net_tax_amount,"
    f" {GROSS_LINE} AS gross_amount"
)
"""SQL of what of a record is counted and added up."""
_KEYS_AT_ONCE = 100_000
Money = Mapping[str, Decimal]


@dataclass(frozen=True)
class Totals:
    """Counts and sums of one reading of a listing. Money is signed, by currency."""

    contents: DayContents
    """As the manifest declares them: of every landed line, duplicates included."""
    distinct_rejected: int = 0
    distinct_amounts: Money = field(default_factory=dict)
    """Of the landed lines: each natural key once, in its latest version."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    gross_amounts: Money = field(default_factory=dict)
    """Of the landed lines: every one, regardless of its sign."""
    rejected_gross_amounts: Money = field(default_factory=dict)
    """Of the rejected lines, regardless of their sign, as far as it can be read."""

    @property
    def landed(self) -> int:
        """Landed lines."""
        return self.contents.landed

    @property
    def rejected(self) -> int:
        """Rejected lines."""
        return self.contents.rejected

    @property
    def fetched(self) -> int:
        """Landed and rejected."""
        return self.landed + self.rejected

    @property
    def distinct(self) -> int:
        """Distinct lines, rejected ones included."""
        return self.contents.distinct + self.distinct_rejected


def count_lines(connection: duckdb.DuckDBPyConnection, lines: pyarrow.Table) -> None:
    """Add lines to `listing_keys` and `listing_sums`. They have the columns of `COUNTED`."""
    connection.register("counted_lines", lines)
    connection.execute("INSERT INTO listing_keys SELECT key, changed_at, currency, net_amount FROM counted_lines")
    connection.execute(
        "INSERT INTO listing_sums SELECT currency, sum(net_amount), coalesce(sum(net_tax_amount), 0), sum(gross_amount)"
        " FROM counted_lines GROUP BY currency"
    )
    connection.unregister("counted_lines")


def read_totals(connection: duckdb.DuckDBPyConnection) -> Totals:
    """The totals of `listing_keys`, `listing_sums`, `rejected_rows` and `rejected_contents`."""
    lines, distinct = _count_keys(connection)
    sums = connection.execute(
        "SELECT currency, sum(net_amount), sum(net_tax_amount), sum(gross_amount) FROM listing_sums GROUP BY currency"
    ).fetchall()
    amounts: dict[str, Decimal] = {currency: amount for currency, amount, _, _ in sums}
    gross = {currency: amount for currency, _, _, amount in sums}
    rejected = connection.execute(
        "SELECT code, count(*) FROM rejected_rows GROUP BY code ORDER BY 2 DESC, 1"
    ).fetchall()
    different, money, rejected_gross = _rejected_totals(connection) if rejected else (0, {}, {})
    contents = DayContents(
        landed=lines,
        distinct=distinct,
        rejected=sum(count for _, count in rejected),
        landed_amounts=amounts,
        rejected_amounts=money,
        landed_tax={currency: tax for currency, _, tax, _ in sums},
    )
    latest = amounts if lines == distinct else _latest_amounts(connection)
    return Totals(contents, different, latest, dict(rejected), gross, rejected_gross)


def _count_keys(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """How many lines there are, and how many different ones. A part at a time: of a million, 35 MiB less memory."""
    [(lines,)] = connection.execute("SELECT count(*) FROM listing_keys").fetchall()
    parts = 1 + lines // _KEYS_AT_ONCE
    counts = (
        connection.execute("SELECT count(DISTINCT key) FROM listing_keys WHERE key % ? = ?", [parts, part]).fetchall()
        for part in range(parts)
    )
    return lines, sum(count for [(count,)] in counts)


def _rejected_totals(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[int, dict[str, Decimal], dict[str, Decimal]]:
    """How many different rows were rejected, and their money where it could be read: signed, and without its sign."""
    [(different,)] = connection.execute("SELECT count(DISTINCT digest) FROM rejected_contents").fetchall()
    money = connection.execute(
        "SELECT currency, sum(net_amount), sum(abs(net_amount)) FROM rejected_rows WHERE net_amount IS NOT NULL"
        " GROUP BY currency"
    ).fetchall()
    signed = {currency: amount for currency, amount, _ in money}
    return different, signed, {currency: gross for currency, _, gross in money if currency is not None}


def _latest_amounts(connection: duckdb.DuckDBPyConnection) -> Money:
    # Of two versions, the one that the load will take (conform_records.sql). They may be in different currencies.
    found = connection.execute(
        "SELECT latest.currency, sum(latest.net_amount) FROM ("  # noqa: S608 - our own columns
        f" SELECT arg_max({{'currency': currency, 'net_amount': net_amount}}, ({', '.join(VERSION_ORDER)})) AS latest"
        " FROM listing_keys GROUP BY key) GROUP BY latest.currency"
    ).fetchall()
    return dict(found)


def rejected_money(totals: Totals, most: float) -> str:
    """By how much the rejected share of the money of a currency is above the limit; '' if it is not."""
    for currency, rejected in sorted(totals.rejected_gross_amounts.items()):
        all_money = rejected + totals.gross_amounts.get(currency, Decimal(0))
        if rejected > all_money * Decimal(str(most)):
            return f"{rejected:,.2f} of {all_money:,.2f} {currency} rejected, more than {most:.0%} of the money"
    return ""


def find_mismatch(totals: Totals, report: ControlReport) -> str | None:
    """How the listing differs from the control report, with both figures; None when they agree.

    The report may or may not include the money of rejected records, and not all of it can be read. So with rejected
    records only the number of lines is compared.
    """
    if report.lines is not None and totals.distinct != report.lines:
        return f"the listing has {totals.distinct} distinct lines, the retailer's report {report.lines}"
    if totals.rejected:
        return None
    listed = {currency: amount for currency, amount in totals.distinct_amounts.items() if amount}
    reported = {currency: amount for currency, amount in report.net.items() if amount}
    for currency in sorted({*listed, *reported}):
        ours, theirs = listed.get(currency, Decimal(0)), reported.get(currency, Decimal(0))
        if ours != theirs:
            digits = ",.2f" if f"{ours:,.2f}" != f"{theirs:,.2f}" else ",f"
            both = f"{ours:{digits}} {currency}", f"{theirs:{digits}} {currency}"
            return f"the listing adds up to {both[0]}, the retailer's report to {both[1]}"
    return None


def unexplained_money(totals: Totals, report: ControlReport) -> str | None:
    """With rejected records: a message when the reported money is neither that of the landed lines nor that of all."""
    zero = Decimal(0)
    for currency in sorted({*totals.distinct_amounts, *report.net}):
        ours, reported = totals.distinct_amounts.get(currency, zero), report.net.get(currency, zero)
        rejected = totals.contents.rejected_amounts.get(currency, zero)
        if reported not in (ours, ours + rejected):
            return f"{reported:,.2f} {currency} reported, {ours:,.2f} landed, {rejected:,.2f} rejected"
    return None
