"""Reads the totals of a business date from ledger, facts, daily summaries and raw zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from shared.config import Settings
from shared.database import Connection, read_sql, transaction
from shared.parallel import run_in_parallel
from shared.partitions import MANIFEST_NAME, ForeignManifest, manifest_key, read_key, read_manifest_of
from shared.s3_client import Bucket, ObjectMissing

_SQL = Path(__file__).parent / "sql"
Slice = tuple[str, date]
Money = Mapping[str, Decimal]


@dataclass
class Totals:
    """Records, and signed net money by currency."""

    records: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)


@dataclass
class WarehouseTotals:
    """The totals of one retailer and date in the warehouse."""

    ledger: Totals = field(default_factory=Totals)
    """In fact_sales, according to the latest load."""
    facts: Totals = field(default_factory=Totals)
    summary: Totals = field(default_factory=Totals)
    landed: Totals = field(default_factory=Totals)
    """Read from the raw zone, according to the latest load."""
    sha256: str | None = None
    """Of the raw object that was loaded; None when nothing was published."""
    held: set[str] = field(default_factory=set)
    """Of the raw objects that are held: landed, and not published."""


@dataclass(frozen=True)
class LandedPartition:
    """A partition of the raw zone."""

    sha256: str
    totals: Totals
    written_at: datetime


def read_warehouse(connection: Connection, first: date, last: date) -> dict[Slice, WarehouseTotals]:
    """The totals of every retailer and date between `first` and `last` that the warehouse has."""
    keys = {"first_key": int(f"{first:%Y%m%d}"), "last_key": int(f"{last:%Y%m%d}")}
    values = {"first": first, "last": last, **keys}
    found: dict[Slice, WarehouseTotals] = {}
    with transaction(connection) as cursor:
        # One snapshot for all of it; the lock comes first, so that it knows the partitions that it reads.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("LOCK TABLE fact_sales IN ACCESS SHARE MODE")
        cursor.execute("SET LOCAL enable_nestloop = off")  # complete slices are compared; hashing always fits
        cursor.execute(read_sql(_SQL / "compare_warehouse.sql"), values)
        for name, day, currency, in_warehouse, ledger_money, *present, landed, sha256 in cursor.fetchall():
            totals = found.setdefault((name, day), WarehouseTotals())
            totals.sha256, totals.ledger.records, totals.landed.records = sha256, in_warehouse, landed
            if currency is not None:
                _add(totals, currency, ledger_money, present)
        cursor.execute(read_sql(_SQL / "landed_money.sql"), values)
        for name, day, currency, money in cursor.fetchall():
            found[name, day].landed.money[currency] = money
        cursor.execute(read_sql(_SQL / "held_objects.sql"), values)
        for name, day, sha256 in cursor.fetchall():
            found.setdefault((name, day), WarehouseTotals()).held.add(sha256)
    return found


def read_raw_zone(
    settings: Settings, first: date, last: date, known: Sequence[Slice]
) -> dict[Slice, LandedPartition | str | None]:
    """The manifests between `first` and `last`: of the known dates, and of any other that was landed.

    For a manifest that cannot be read, the value is the reason; for one that does not exist, it is None.
    """
    bucket = Bucket(settings.s3, settings.s3.bucket_raw)
    retailers = sorted({*settings.sources.ids, *(name for name, _ in known)})
    listed = [found for name in retailers for found in _listed(bucket, name, first, last)]
    slices = sorted({*known, *listed})
    shares = [slices[number::8] for number in range(min(8, len(slices)))]

    def read(share: Sequence[Slice]) -> dict[Slice, LandedPartition | str | None]:
        return {each: _manifest(bucket, each) for each in share}

    parts = run_in_parallel(read, shares, name="manifests")
    return {each: landed for part in parts for each, landed in part.items()}


def _add(totals: WarehouseTotals, currency: str, ledger_money: Decimal, present: Sequence[Decimal]) -> None:
    fact_records, fact_money, summary_records, summary_money = present
    totals.ledger.money[currency] = ledger_money
    totals.facts.records += int(fact_records)
    totals.facts.money[currency] = fact_money
    totals.summary.records += int(summary_records)
    totals.summary.money[currency] = summary_money


def _listed(bucket: Bucket, retailer_id: str, first: date, last: date) -> list[Slice]:
    found = []
    month = first.replace(day=1)
    while month <= last:
        for key in bucket.list(f"raw/{retailer_id}/year={month:%Y}/month={month:%m}/"):
            parts = read_key(key)
            if parts and parts.name == MANIFEST_NAME and first <= parts.business_date <= last:
                found.append((retailer_id, parts.business_date))
        month = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return found


def _manifest(bucket: Bucket, wanted: Slice) -> LandedPartition | str | None:
    try:
        manifest = read_manifest_of(*wanted, bucket.read(manifest_key(*wanted)))
    except ObjectMissing:
        return None
    except ForeignManifest as error:
        return f"its manifest is not its own: {error}"
    except ValidationError as error:
        return f"its manifest cannot be read ({error.error_count()} fields are wrong)"
    money = {currency: amounts.landed for currency, amounts in manifest.amounts.items()}
    return LandedPartition(manifest.sha256, Totals(manifest.landed, money), manifest.written_at)
