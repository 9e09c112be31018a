"""The result of loading files: every row and all money is counted in exactly one place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_quality.results import QualityResult
    from ingestion.connectors.files.read_files import FilesRead
    from ingestion.landing.source_partitions import LoadedPartition
    from shared.partitions import Manifest
    from transformation.loads import RetailerLoad

KEPT = ("inserted", "updated", "unchanged")
"""What can happen to a landed record that is stored in fact_sales."""
_ZERO = Decimal(0)


@dataclass
class Bucket:
    """Rows, and their signed net money per currency."""

    rows: int = 0
    amounts: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, rows: int, amounts: Mapping[str, Decimal]) -> None:
        """Count more."""
        self.rows += rows
        for currency, amount in amounts.items():
            self.amounts[currency] += amount


@dataclass(frozen=True)
class FileLoadResult:
    """The outcome of `retail etl`."""

    run_id: str
    job_name: str | None
    read: FilesRead
    dry_run: bool
    buckets: Mapping[str, Bucket]
    """landed, rejected, duplicate, inserted, updated, unchanged, withdrawn, in_warehouse; empty in a dry run."""
    changed_days: tuple[date, ...]
    unchanged_days: tuple[date, ...]
    load_id: int | None
    load_path: Mapping[str, str]
    """Month → `build`, `merge` or `unchanged`."""
    seconds: Mapping[str, float]
    report: Path | None
    quality: QualityResult | None = None
    """The checks of the loaded dates; None when nothing was loaded."""

    @property
    def earlier(self) -> int:
        """Rows of other files on the same dates that are kept alongside these, with --on-overlap append."""
        return sum(self._rows(name) for name in ("landed", "rejected")) - self.read.rows if self.buckets else 0

    @property
    def balanced(self) -> bool:
        """Whether rows and money add up: read + earlier = landed + rejected; landed = in the warehouse + duplicates."""
        if self.dry_run:
            return self.read.rows == self.read.landed + self.read.rejected
        parts = [self.buckets[name] for name in (*KEPT, "duplicate")]
        landed, in_warehouse = self.buckets["landed"], self.buckets["in_warehouse"]
        currencies = {currency for bucket in self.buckets.values() for currency in bucket.amounts}
        return (
            self.earlier >= 0
            and landed.rows == sum(part.rows for part in parts)
            and in_warehouse.rows == sum(part.rows for part in parts[:-1])
            and all(
                landed.amounts[each] == sum((part.amounts[each] for part in parts), _ZERO)
                and in_warehouse.amounts[each] == sum((part.amounts[each] for part in parts[:-1]), _ZERO)
                for each in currencies
            )
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form: amounts and dates as text."""
        read = self.read
        days = read.days
        return {
            "run_id": self.run_id,
            "job_name": self.job_name,
            "dry_run": self.dry_run,
            "retailer_id": read.retailer_id,
            "layout": read.layout_name,
            "files": [{name: value for name, value in vars(file).items() if name != "path"} for file in read.files],
            "days": {
                "first": days[0].isoformat() if days else None,
                "last": days[-1].isoformat() if days else None,
                "count": len(days),
                "loaded": len(self.changed_days),
                "unchanged": len(self.unchanged_days),
            },
            "rows": {"read": read.rows, "earlier": self.earlier, **self._row_counts()},
            "money": self._money(),
            "balanced": self.balanced,
            "rejected_by_code": dict(read.rejected_by_code),
            "flagged": dict(read.flagged),
            "imputed": dict(read.imputed),
            "load_id": self.load_id,
            "load_path": dict(self.load_path),
            "seconds": {name: round(seconds, 3) for name, seconds in self.seconds.items()},
            "report": str(self.report) if self.report else None,
            "quality": self.quality.as_dict() if self.quality else None,
        }

    def _rows(self, name: str) -> int:
        return self.buckets[name].rows

    def _row_counts(self) -> dict[str, int]:
        if self.dry_run:
            return {"landed": self.read.landed, "rejected": self.read.rejected}
        return {name: bucket.rows for name, bucket in self.buckets.items()}

    def _money(self) -> dict[str, dict[str, str]]:
        currencies = sorted({currency for bucket in self.buckets.values() for currency in bucket.amounts})
        return {
            currency: {name: str(bucket.amounts[currency]) for name, bucket in self.buckets.items()}
            for currency in currencies
        }


def count_buckets(
    manifests: Mapping[date, Manifest], load: RetailerLoad | None, unchanged: Mapping[date, LoadedPartition]
) -> dict[str, Bucket]:
    """Where the rows of the loaded dates and of those that were left alone are."""
    names = ("landed", "rejected", "duplicate", *KEPT, "withdrawn", "in_warehouse")
    buckets = {name: Bucket() for name in names}
    for entry in load.entries if load else ():
        for name in ("duplicate", *KEPT, "withdrawn", "in_warehouse"):
            totals = getattr(entry, name)
            buckets[name].add(totals.records, {code: money.net for code, money in totals.amounts.items()})
    for known in unchanged.values():
        amounts = known.amounts
        buckets["duplicate"].add(known.duplicate, {code: duplicate for code, (duplicate, _) in amounts.items()})
        for name in ("unchanged", "in_warehouse"):
            buckets[name].add(known.in_warehouse, {code: in_warehouse for code, (_, in_warehouse) in amounts.items()})
    for manifest in (*manifests.values(), *(known.manifest for known in unchanged.values())):
        buckets["landed"].add(manifest.landed, {code: each.landed for code, each in manifest.amounts.items()})
        buckets["rejected"].add(manifest.rejected, {code: each.rejected for code, each in manifest.amounts.items()})
    return buckets


def paths_by_month(load: RetailerLoad | None, unchanged: Mapping[date, LoadedPartition]) -> dict[str, str]:
    """Month → how its dates were loaded; where several ways were gone, the one that wrote most."""
    found: dict[str, Counter[str]] = {}
    plan = load.plan if load else None
    ways = {"unchanged": (*unchanged, *(plan.unchanged if plan else ()))}
    if plan:
        ways |= {"merge": plan.merged, "build": plan.built}
    for way, days in ways.items():
        for day in days:
            found.setdefault(f"{day:%Y-%m}", Counter())[way] += 1
    order = ("build", "merge", "unchanged")
    return {month: next(way for way in order if counted[way]) for month, counted in sorted(found.items())}
