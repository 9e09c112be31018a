"""Whether a partition reconciles: within the ledger, and with the retailer's control report. Pure.

The rules are those of the quality checks rows_match_report and money_matches_report (with and without rejects): the
control report may or may not include the records that were rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from retail_quality.model import Money, Partition
from shared.counts import counted


@dataclass(frozen=True)
class Balance:
    """The state of a partition, and a description of it."""

    state: str
    """balanced, differs, or unreported: the retailer has no control report, so only the ledger itself was checked."""
    words: str


def balance(partition: Partition) -> Balance:
    """Compare one partition."""
    differences = [*_within_ledger(partition), *_against_report(partition)]
    if differences:
        return Balance("differs", "; ".join(differences))
    if partition.reported is None:
        return Balance("unreported", "adds up; the retailer has no control report to compare with")
    return Balance("balanced", "agrees with the retailer's control report, in records and money")


def _within_ledger(it: Partition) -> list[str]:
    found = []
    if it.fetched != it.landed + it.rejected:
        found.append(f"{abs(it.fetched - it.landed - it.rejected):,} fetched records neither landed nor rejected")
    if it.landed != it.inserted + it.updated + it.unchanged + it.duplicate:
        found.append("not all landed records are in the ledger")
    for money in it.money:
        apart = money.landed - money.inserted - money.updated - money.unchanged - money.duplicate
        if apart:
            found.append(f"{abs(apart):,.2f} {money.currency} landed but not in the ledger")
    return found


def _against_report(it: Partition) -> list[str]:
    found = []
    if it.reported is not None:
        kept = it.in_warehouse + it.superseded
        apart = max(it.reported - kept - it.rejected, kept - it.reported, 0)
        if apart:
            found.append(f"{counted(apart, 'record')} different from the retailer's control report")
    # The ledger has no column for money that moved to a later version's date; the checks sum it from the rows.
    for money in it.money if it.superseded == 0 else ():
        if difference := _money_apart(money):
            found.append(f"{difference:,.2f} {money.currency} different from the retailer's control report")
    return found


def _money_apart(money: Money) -> Decimal:
    if money.reported is None:
        return Decimal(0)
    apart = money.reported - money.in_warehouse
    return min(abs(apart), abs(apart - money.rejected))
