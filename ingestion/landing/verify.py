"""Verifies a listing: its control totals, and their comparison with the retailer's control report."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from ingestion.models.retailer_data import FIELDS
from ingestion.normalizers.assembly import AMOUNT_SCALE, Normalized
from shared.currencies import CURRENCIES
from shared.partitions import ControlAmounts, ControlReport

_CURRENCY = FIELDS.index("currency") - FIELDS.index("quantity")
"""Position of the currency among the values of the measures."""


@dataclass
class Totals:
    """Counts and sums of one reading of a listing; 24 bytes per landed record, and no keys as text."""

    fetched: int = 0
    landed: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    example: str | None = None
    """The first rejection, for messages."""
    _landed: Counter[str] = field(default_factory=Counter)
    _rejected: dict[str, Decimal] = field(default_factory=dict)
    _rejected_hashes: array[int] = field(default_factory=lambda: array("q"))
    _columns: dict[str, tuple[array[int], array[int], array[int]]] = field(default_factory=dict)

    def add(self, page: Sequence[Normalized]) -> None:
        """Count records that are landed."""
        for currency in {normalized.measures.values[_CURRENCY] for normalized in page}:
            columns = self._columns.setdefault(currency, (array("q"), array("q"), array("q")))
            same = [normalized for normalized in page if normalized.measures.values[_CURRENCY] == currency]
            # A 64-bit hash of the natural key: with a million records a day, two collide once in 37 million days.
            columns[0].extend([hash((transaction.json, line.json)) for transaction, line, *_ in same])
            columns[1].extend([normalized.changed.number for normalized in same])
            amounts = [normalized.measures.number for normalized in same]
            columns[2].extend(amounts)
            self._landed[currency] += sum(amounts)
        self.landed += len(page)
        self.fetched += len(page)

    def reject(self, code: str, message: str, payload: bytes, amount: tuple[str, Decimal] | None) -> None:
        """Count a rejected record, with its amount if it could be read."""
        self.fetched += 1
        self.rejected += 1
        self.reasons[code] += 1
        self.example = self.example or message
        self._rejected_hashes.append(hash(payload))
        if amount is not None and amount[0] in CURRENCIES and amount[1].is_finite():
            self._rejected[amount[0]] = self._rejected.get(amount[0], Decimal(0)) + amount[1]

    def distinct_landed(self) -> int:
        """Distinct natural keys among the landed records."""
        return sum(len(np.unique(_ints(keys))) for keys, _, _ in self._columns.values())

    def distinct(self) -> int:
        """Distinct records, rejected ones included."""
        return self.distinct_landed() + len(np.unique(_ints(self._rejected_hashes)))

    def distinct_amounts(self) -> dict[str, Decimal]:
        """Signed net money per currency, each natural key once, in its latest version."""
        return {currency: _latest_sum(*columns) for currency, columns in self._columns.items()}

    def rejected_amounts(self) -> dict[str, Decimal]:
        """Signed net money of the rejected records whose amount could be read."""
        return dict(self._rejected)

    def control_amounts(self) -> dict[str, ControlAmounts]:
        """Control totals for the manifest: every landed line counts, duplicates included."""
        return {
            currency: ControlAmounts(
                landed=_money(self._landed.get(currency, 0)), rejected=self._rejected.get(currency, Decimal(0))
            )
            for currency in sorted({*self._landed, *self._rejected})
        }


def find_mismatch(totals: Totals, report: ControlReport) -> str | None:
    """How the listing differs from the control report, with both figures; None when they agree.

    The report may or may not include the money of rejected records, and not all of it can be read. So with rejected
    records only the number of lines is compared.
    """
    if totals.distinct() != report.lines:
        return f"the listing has {totals.distinct()} distinct lines, the retailer's report {report.lines}"
    if totals.rejected:
        return None
    listed = {currency: amount for currency, amount in totals.distinct_amounts().items() if amount}
    reported = {currency: amount for currency, amount in report.net.items() if amount}
    for currency in sorted({*listed, *reported}):
        ours, theirs = listed.get(currency, Decimal(0)), reported.get(currency, Decimal(0))
        if ours != theirs:
            return f"the listing adds up to {ours:,.2f} {currency}, the retailer's report to {theirs:,.2f} {currency}"
    return None


def unexplained_money(totals: Totals, report: ControlReport) -> str | None:
    """With rejected records: a message when the reported money is neither that of the landed lines nor that of all."""
    landed, rejected = totals.distinct_amounts(), totals.rejected_amounts()
    for currency in sorted({*landed, *report.net}):
        ours, reported = landed.get(currency, Decimal(0)), report.net.get(currency, Decimal(0))
        if reported not in (ours, ours + rejected.get(currency, Decimal(0))):
            return f"{reported:,.2f} {currency} reported, {ours:,.2f} landed, {rejected.get(currency, 0):,.2f} rejected"
    return None


def _ints(column: array[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.frombuffer(column, dtype=np.int64) if column else np.empty(0, dtype=np.int64)


def _latest_sum(keys: array[int], changed: array[int], amounts: array[int]) -> Decimal:
    key, money = _ints(keys), _ints(amounts)
    order = np.lexsort((_ints(changed), key))
    sorted_keys = key[order]
    last = np.append(sorted_keys[1:] != sorted_keys[:-1], True)
    chosen = money[order][last]
    # The sum is taken in two halves, so that it cannot overflow 64 bits.
    return _money((int((chosen >> 32).sum()) << 32) + int((chosen & 0xFFFFFFFF).sum()))


def _money(scaled: int) -> Decimal:
    return Decimal(scaled) / AMOUNT_SCALE
