"""Landed records, measured per business date, deduplicated and completed; columnar, no Python object per row."""

from __future__ import annotations

import copy
import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import duckdb

from ingestion.models.columnar import COLUMNS
from shared.counts import counted
from shared.errors import StopRun
from shared.landed_batch import RECORDS_TABLE, LandedBatch
from shared.partitions import Manifest
from transformation.money import Money
from transformation.statements import SQL_DIRECTORY, statement


@dataclass(frozen=True)
class PartitionContent:
    """What one raw partition holds, duplicates included."""

    records: int = 0
    amounts: Mapping[str, Money] = field(default_factory=dict)
    """Signed money per currency."""
    content: str = ""
    """Digest of the records whatever their order, and of the rules they are conformed by: equal when loading the
    partition again could change nothing."""


@dataclass(frozen=True)
class ConformedPartition:
    """A partition without its duplicates, and its totals so far."""

    manifest: Manifest
    rows: int
    """Distinct natural keys."""
    duplicates: int
    landed_amounts: Mapping[str, Money]
    """Signed money per currency of all landed records, duplicates included."""
    kept_amounts: Mapping[str, Money]
    """The same without the duplicates."""
    content: str = ""
    """See `PartitionContent.content`."""


class ConformedBatch:
    """The views `completed` and `conformed` over a batch's landed records, and what they add up to per date."""

    def __init__(self, batch: LandedBatch, directory: Path) -> None:
        """`directory` takes the files on their way into the warehouse."""
        self.retailer_id, self.days, self.directory = batch.retailer_id, batch.days, directory
        self._batch = batch
        self.landed = self._measure()
        self._duplicates: dict[date, tuple[int, Mapping[str, Money]]] = {}
        self.conformed_days: frozenset[date] = frozenset()

    def without(self, days: Collection[date]) -> ConformedBatch:
        """The same batch without these dates, which are not loaded."""
        rest = copy.copy(self)
        rest.days = tuple(day for day in self.days if day not in days)
        rest.conformed_days = frozenset()
        return rest

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of the calling thread's own to the same data."""
        connection = self._batch.connection.cursor()
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def conform(self, days: Collection[date]) -> None:
        """Make `conformed` hold these dates without duplicates."""
        connection = self.cursor()
        connection.execute("CREATE OR REPLACE TABLE loaded_dates (business_date DATE)")
        if days:
            values = ", ".join(f"(DATE '{day}')" for day in sorted(days))
            connection.execute(f"INSERT INTO loaded_dates VALUES {values}")  # noqa: S608 - dates
        connection.execute(statement("conform_records"))
        duplicates = connection.execute(
            "SELECT business_date, currency, count(*), sum(net_amount), coalesce(sum(net_tax_amount), 0) FROM completed"
            " SEMI JOIN duplicate_records USING (record_id) GROUP BY business_date, currency"
        ).fetchall()
        amounts: dict[date, dict[str, Money]] = defaultdict(dict)
        counts: dict[date, int] = defaultdict(int)
        for day, currency, count, net, tax in duplicates:
            counts[day] += count
            amounts[day][currency] = Money(net, tax)
        self._duplicates = {day: (counts[day], amounts[day]) for day in counts}
        self.conformed_days = frozenset(days)

    def rows(self, days: Collection[date]) -> int:
        """Distinct natural keys of these dates, once they are conformed."""
        return sum(self.landed[day].records - self._duplicates.get(day, (0, {}))[0] for day in days)

    def manifests(self) -> Mapping[date, Manifest]:
        """Waits until all is landed. Raises StopRun unless every manifest agrees with its partition."""
        manifests = self._batch.manifests()
        for day in self.days:
            _check(manifests[day], self.landed[day])
        return manifests

    def partitions(self, days: Sequence[date]) -> list[ConformedPartition]:
        """The partitions of these dates, conformed. Raises StopRun when one does not reconcile with its manifest."""
        manifests = self.manifests()
        return [self._partition(manifests[day], self.landed[day]) for day in days]

    def _partition(self, manifest: Manifest, landed: PartitionContent) -> ConformedPartition:
        duplicates, duplicate_amounts = self._duplicates.get(manifest.business_date, (0, {}))
        if landed.records - duplicates != manifest.distinct:
            raise _unreconciled(manifest, f"{landed.records - duplicates:,} distinct records", f"{manifest.distinct:,}")
        kept = {code: amount - duplicate_amounts.get(code, Money()) for code, amount in landed.amounts.items()}
        return ConformedPartition(
            manifest, landed.records - duplicates, duplicates, landed.amounts, kept, content=landed.content
        )

    def last_transaction(self, day: date) -> str | None:
        """The transaction of the latest sale of a conformed date."""
        row = (
            self.cursor()
            .execute(
                "SELECT transaction_id FROM conformed WHERE business_date = ?"
                " ORDER BY sold_at DESC, transaction_id DESC LIMIT 1",
                [day],
            )
            .fetchone()
        )
        return str(row[0]) if row else None

    def _measure(self) -> dict[date, PartitionContent]:
        found = (
            self.cursor()
            .execute(
                "SELECT business_date, currency, count(*), sum(net_amount), coalesce(sum(net_tax_amount), 0),"  # noqa: S608
                # The outer hash keeps two records that exchanged a value from adding up to the same.
                f" CAST(sum(CAST(hash(hash({', '.join(COLUMNS)})) AS HUGEINT)) AS VARCHAR)"
                f" FROM {RECORDS_TABLE} GROUP BY business_date, currency ORDER BY business_date, currency"
            )
            .fetchall()
        )
        records: dict[date, int] = defaultdict(int)
        amounts: dict[date, dict[str, Money]] = defaultdict(dict)
        contents: dict[date, list[str]] = defaultdict(list)
        for day, currency, count, net, tax, content in found:
            records[day] += count
            amounts[day][currency] = Money(net, tax)
            contents[day] += [currency, str(count), content]
        return {
            day: PartitionContent(
                records.get(day, 0),
                amounts.get(day, {}),
                hashlib.sha256("|".join([_rules_digest(), *contents.get(day, [])]).encode()).hexdigest(),
            )
            for day in self.days
        }


def date_list(days: Collection[date]) -> str:
    """Dates for the parentheses of IN, in either database."""
    return ", ".join(f"DATE '{day}'" for day in sorted(days))


@cache
def _rules_digest() -> str:
    """Changes with any statement of the transformation and with DuckDB, whose hashes are its own."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    for path in sorted(SQL_DIRECTORY.glob("*.sql")):
        digest.update(statement(path.stem).encode())
    return digest.hexdigest()


def _check(manifest: Manifest, landed: PartitionContent) -> None:
    controls = {code: Money(control.landed, control.landed_tax) for code, control in manifest.amounts.items()}
    declared = {currency: amount for currency, amount in controls.items() if amount}
    found = {currency: amount for currency, amount in landed.amounts.items() if amount}
    if landed.records != manifest.landed or declared != found:
        raise _unreconciled(manifest, _described(landed.records, found), _described(manifest.landed, declared))


def _described(records: int, amounts: Mapping[str, Money]) -> str:
    return ", ".join([counted(records, "record"), *(money.described(code) for code, money in sorted(amounts.items()))])


def _unreconciled(manifest: Manifest, found: str, declared: str) -> StopRun:
    return StopRun(
        f"{manifest.retailer_id} {manifest.business_date} does not reconcile with its manifest: it holds {found};"
        f" the manifest declares {declared}. Nothing was published. Land it again:"
        f" python -m ingestion.main {manifest.business_date} --retailer {manifest.retailer_id}"
    )
