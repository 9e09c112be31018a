"""The balance of a load: where every landed record and its money went.

landed = inserted + updated + unchanged + duplicate, in records and in signed net money per currency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from shared.errors import StopRun
from shared.partitions import Manifest
from transformation.conform import ConformedPartition, LandedDay

Counted = Iterable[tuple[int, str, str, int, Decimal]]
"""Rows (date_key, outcome, currency, count, signed money)."""

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Tally:
    """Records, and their signed net money per currency."""

    records: int = 0
    amounts: Mapping[str, Decimal] = field(default_factory=dict)

    def amount(self, currency: str) -> Decimal:
        """Money in one currency; 0 when there is none."""
        return self.amounts.get(currency, _ZERO)


@dataclass(frozen=True)
class PartitionBalance:
    """One ledger row: a partition of a retailer after one publication."""

    manifest: Manifest
    landed: Tally
    inserted: Tally
    updated: Tally
    unchanged: Tally
    duplicate: Tally
    superseded: int
    withdrawn: Tally
    in_star: Tally
    content: str = ""
    """Digest of what was landed and of the rules it was loaded by."""

    @property
    def business_date(self) -> date:
        """The partition's date."""
        return self.manifest.business_date

    @property
    def currencies(self) -> list[str]:
        """Every currency that any part of the balance speaks of."""
        report = self.manifest.source_report
        names = set(self.manifest.amounts) | set(report.net if report else ())
        for tally in (self.landed, self.withdrawn, self.in_star):
            names |= set(tally.amounts)
        return sorted(names)

    def as_dict(self) -> dict[str, object]:
        """Counts and money for XCom, JSON and tables."""
        report = self.manifest.source_report
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
            "in_star": self.in_star.records,
            "net_amount": {currency: str(amount) for currency, amount in sorted(self.in_star.amounts.items())},
        }


def tally_by_outcome(rows: Counted) -> dict[tuple[int, str], Tally]:
    """Group counted rows by (date_key, outcome)."""
    records: dict[tuple[int, str], int] = defaultdict(int)
    amounts: dict[tuple[int, str], dict[str, Decimal]] = defaultdict(dict)
    for date_key, outcome, currency, count, amount in rows:
        records[date_key, outcome] += count
        amounts[date_key, outcome][currency] = amounts[date_key, outcome].get(currency, _ZERO) + amount
    return {key: Tally(records[key], amounts[key]) for key in records}


def draw_up_balance(
    partition: ConformedPartition,
    outcomes: Mapping[tuple[int, str], Tally],
    star: Mapping[tuple[int, str], Tally],
) -> PartitionBalance:
    """The partition's ledger row from what was counted in the warehouse."""
    date_key = int(f"{partition.manifest.business_date:%Y%m%d}")
    superseded = outcomes.get((date_key, "superseded"), Tally())
    currencies = set(partition.landed_amounts)
    copies = {
        currency: partition.landed_amounts[currency] - partition.kept_amounts.get(currency, _ZERO)
        for currency in currencies
    }
    return PartitionBalance(
        manifest=partition.manifest,
        landed=Tally(partition.rows + partition.duplicates, partition.landed_amounts),
        inserted=outcomes.get((date_key, "inserted"), Tally()),
        updated=outcomes.get((date_key, "updated"), Tally()),
        unchanged=outcomes.get((date_key, "unchanged"), Tally()),
        duplicate=Tally(
            partition.duplicates + superseded.records,
            {currency: copies[currency] + superseded.amount(currency) for currency in currencies},
        ),
        superseded=superseded.records,
        withdrawn=outcomes.get((date_key, "withdrawn"), Tally()),
        in_star=star.get((date_key, "in_star"), Tally()),
        content=partition.content,
    )


def draw_up_unchanged(manifest: Manifest, landed: LandedDay, in_star: Tally, superseded: int) -> PartitionBalance:
    """The ledger row of a partition that was not loaded again: all the star holds of it is unchanged."""
    copies = {code: amount - in_star.amount(code) for code, amount in landed.amounts.items()}
    nothing = Tally()
    return PartitionBalance(
        manifest=manifest,
        landed=Tally(landed.records, landed.amounts),
        inserted=nothing,
        updated=nothing,
        unchanged=in_star,
        duplicate=Tally(landed.records - in_star.records, copies),
        superseded=superseded,
        withdrawn=nothing,
        in_star=in_star,
        content=landed.content,
    )


def audit(balance: PartitionBalance, summary: Tally, *, insert_only: bool) -> None:
    """Raise StopRun unless every record and every cent is accounted for.

    An insert-only load leaves older versions in the star by intent, so the star is compared with nothing then.
    """
    problems = []
    parts = (balance.inserted, balance.updated, balance.unchanged, balance.duplicate)
    if balance.landed.records != sum(part.records for part in parts):
        problems.append(f"{balance.landed.records} landed, {[part.records for part in parts]} accounted for")
    kept = parts[:3]
    if not insert_only and balance.in_star.records != sum(part.records for part in kept):
        problems.append(f"{balance.in_star.records} in the star, {[part.records for part in kept]} loaded")
    if summary.records != balance.in_star.records:
        problems.append(f"{summary.records} lines in the summary, {balance.in_star.records} in the star")
    for currency in balance.currencies:
        landed, star = balance.landed.amount(currency), balance.in_star.amount(currency)
        if landed != sum((part.amount(currency) for part in parts), _ZERO):
            problems.append(f"{landed} {currency} landed is not what is accounted for")
        if not insert_only and star != sum((part.amount(currency) for part in kept), _ZERO):
            problems.append(f"{star} {currency} in the star is not what was loaded")
        if summary.amount(currency) != star:
            problems.append(f"{summary.amount(currency)} {currency} in the summary, {star} in the star")
    if problems:
        raise StopRun(
            f"{balance.manifest.retailer_id} {balance.business_date} does not reconcile: {'; '.join(problems)}."
            " Nothing was published; the warehouse is as it was."
        )
