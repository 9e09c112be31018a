"""The ledger of a load: where every landed record and its money went.

landed = inserted + updated + unchanged + duplicate, in records and per currency in signed net money and tax.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from shared.counts import counted
from shared.errors import StopRun
from shared.partitions import Manifest
from transformation.conform import ConformedPartition, PartitionContent
from transformation.money import Money

Counted = Iterable[tuple[int, str, str, int, Decimal, Decimal]]
"""Rows (date_key, outcome, currency, count, signed money, signed tax)."""


@dataclass(frozen=True)
class Totals:
    """Records, and their money per currency."""

    records: int = 0
    amounts: Mapping[str, Money] = field(default_factory=dict)

    def amount(self, currency: str) -> Money:
        """Money in one currency; none when there is none."""
        return self.amounts.get(currency, Money())


@dataclass(frozen=True)
class LedgerEntry:
    """One ledger row: a partition of a retailer after one load."""

    manifest: Manifest
    landed: Totals
    inserted: Totals
    updated: Totals
    unchanged: Totals
    duplicate: Totals
    superseded: int
    withdrawn: Totals
    in_warehouse: Totals
    content: str = ""
    """Digest of what was landed and of the rules it was loaded by."""

    @property
    def business_date(self) -> date:
        """The partition's date."""
        return self.manifest.business_date

    @property
    def currencies(self) -> list[str]:
        """Every currency that occurs in any part of the entry."""
        report = self.manifest.control_report
        names = set(self.manifest.amounts) | set(report.net if report else ())
        for totals in (self.landed, self.withdrawn, self.in_warehouse):
            names |= set(totals.amounts)
        return sorted(names)

    def as_dict(self) -> dict[str, object]:
        """Counts and money for XCom, JSON and tables."""
        report = self.manifest.control_report
        return {
            "business_date": self.business_date.isoformat(),
            "reported": report.lines if report else None,
            "fetched": self.manifest.fetched,
            "landed": self.landed.records,
            "rejected": self.manifest.rejected,
            "inserted": self.inserted.records,
            "updated": self.updated.records,
            "unchanged": self.unchanged.records,
            "duplicate": self.duplicate.records,
            "superseded": self.superseded,
            "withdrawn": self.withdrawn.records,
            "in_warehouse": self.in_warehouse.records,
            "net_amount": {code: str(amount.net) for code, amount in sorted(self.in_warehouse.amounts.items())},
        }


def totals_by_outcome(rows: Counted) -> dict[tuple[int, str], Totals]:
    """Group counted rows by (date_key, outcome)."""
    records: dict[tuple[int, str], int] = defaultdict(int)
    amounts: dict[tuple[int, str], dict[str, Money]] = defaultdict(lambda: defaultdict(Money))
    for date_key, outcome, currency, count, net, tax in rows:
        records[date_key, outcome] += count
        amounts[date_key, outcome][currency] += Money(net, tax)
    return {key: Totals(records[key], amounts[key]) for key in records}


def build_ledger_entry(
    partition: ConformedPartition,
    outcomes: Mapping[tuple[int, str], Totals],
    facts: Mapping[tuple[int, str], Totals],
) -> LedgerEntry:
    """The partition's ledger row from what was counted in the warehouse."""
    date_key = int(f"{partition.manifest.business_date:%Y%m%d}")
    superseded = outcomes.get((date_key, "superseded"), Totals())
    currencies = set(partition.landed_amounts)
    duplicates = {
        currency: partition.landed_amounts[currency] - partition.kept_amounts.get(currency, Money())
        for currency in currencies
    }
    return LedgerEntry(
        manifest=partition.manifest,
        landed=Totals(partition.rows + partition.duplicates, partition.landed_amounts),
        inserted=outcomes.get((date_key, "inserted"), Totals()),
        updated=outcomes.get((date_key, "updated"), Totals()),
        unchanged=outcomes.get((date_key, "unchanged"), Totals()),
        duplicate=Totals(
            partition.duplicates + superseded.records,
            {currency: duplicates[currency] + superseded.amount(currency) for currency in currencies},
        ),
        superseded=superseded.records,
        withdrawn=outcomes.get((date_key, "withdrawn"), Totals()),
        in_warehouse=facts.get((date_key, "in_warehouse"), Totals()),
        content=partition.content,
    )


def build_unchanged_entry(
    manifest: Manifest, landed: PartitionContent, in_warehouse: Totals, superseded: int
) -> LedgerEntry:
    """The ledger row of a partition that was not loaded again: everything that fact_sales holds of it is unchanged."""
    duplicates = {code: amount - in_warehouse.amount(code) for code, amount in landed.amounts.items()}
    nothing = Totals()
    return LedgerEntry(
        manifest=manifest,
        landed=Totals(landed.records, landed.amounts),
        inserted=nothing,
        updated=nothing,
        unchanged=in_warehouse,
        duplicate=Totals(landed.records - in_warehouse.records, duplicates),
        superseded=superseded,
        withdrawn=nothing,
        in_warehouse=in_warehouse,
        content=landed.content,
    )


def audit(entry: LedgerEntry, summary: Totals, *, insert_only: bool) -> None:
    """Raise StopRun unless every record and every cent is reconciled.

    An insert-only load leaves older versions in fact_sales on purpose, so then fact_sales is not compared.
    """
    problems = []
    parts = (entry.inserted, entry.updated, entry.unchanged, entry.duplicate)
    kept = parts[:3]
    loaded = sum(part.records for part in kept)
    if entry.landed.records != loaded + entry.duplicate.records:
        problems.append(f"{entry.landed.records} landed, {loaded} loaded and {entry.duplicate.records} duplicates")
    if not insert_only and entry.in_warehouse.records != loaded:
        problems.append(f"{entry.in_warehouse.records} in fact_sales, {loaded} loaded")
    if summary.records != entry.in_warehouse.records:
        problems.append(
            f"{counted(summary.records, 'line')} in the summary, {entry.in_warehouse.records} in fact_sales"
        )
    for currency in entry.currencies:
        landed, stored = entry.landed.amount(currency), entry.in_warehouse.amount(currency)
        if landed != sum((part.amount(currency) for part in parts), Money()):
            problems.append(f"{landed.described(currency)} landed is not the sum of its parts")
        if not insert_only and stored != sum((part.amount(currency) for part in kept), Money()):
            problems.append(f"{stored.described(currency)} in fact_sales is not what was loaded")
        if summary.amount(currency) != stored:
            summed = summary.amount(currency).described(currency)
            problems.append(f"{summed} in the summary, {stored.described(currency)} in fact_sales")
    if problems:
        raise StopRun(
            f"{entry.manifest.retailer_id} {entry.business_date} does not reconcile: {'; '.join(problems)}."
            " Nothing was published; the warehouse is as it was."
        )
