"""What a run of ingestion reports: per retailer and date, in counts and money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from ingestion.schema_contracts.notice import SchemaNotice
from shared.errors import FixConfiguration, RetailError, RetryLater


@dataclass(frozen=True)
class LandedDate:
    """One partition that was landed."""

    business_date: date
    reported: int | None
    """Lines by the retailer's control report; None when its API has none."""
    fetched: int
    landed: int
    rejected: int
    distinct: int
    net_amounts: Mapping[str, Decimal]
    """Signed net money per currency of the landed records."""
    reasons: Mapping[str, int]
    """Rejected records per reason code."""
    sha256: str
    seconds: float
    size_bytes: int = 0
    """SHA-256 of the raw object."""
    clock_warnings: tuple[str, ...] = ()
    """What the source reported that is in the future by our clock."""

    def as_dict(self) -> dict[str, Any]:
        """As data that can be written as JSON."""
        return {
            "business_date": self.business_date.isoformat(),
            "reported": self.reported,
            "fetched": self.fetched,
            "landed": self.landed,
            "rejected": self.rejected,
            "distinct": self.distinct,
            "net_amounts": {currency: str(amount) for currency, amount in self.net_amounts.items()},
            "reasons": dict(self.reasons),
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "seconds": round(self.seconds, 3),
            "clock_warnings": list(self.clock_warnings),
        }


@dataclass(frozen=True)
class RetailerResult:
    """The result of one retailer."""

    retailer_id: str
    dates: tuple[LandedDate, ...] = ()
    """In the order they were landed. The requested date is the last one, if it was reached."""
    notes: tuple[str, ...] = ()
    """What an operator should know although nothing failed."""
    error: str | None = None
    error_kind: str | None = None
    """`RetryLater`, `StopRun` or `FixConfiguration`."""
    clock_warnings: tuple[str, ...] = ()
    """What the source reported that is in the future by our clock, those of its dates included."""
    schema_notice: SchemaNotice | None = None
    """What it sends that is not as before."""

    @property
    def status(self) -> str:
        """`landed` or `failed`."""
        return "failed" if self.error else "landed"

    def as_dict(self) -> dict[str, Any]:
        """As data that can be written as JSON."""
        return {
            "retailer_id": self.retailer_id,
            "status": self.status,
            "dates": [each.as_dict() for each in self.dates],
            "notes": list(self.notes),
            "error": self.error,
            "error_kind": self.error_kind,
            "clock_warnings": list(self.clock_warnings),
            "schema_changed": self.schema_notice.detail if self.schema_notice else None,
        }


@dataclass(frozen=True)
class IngestResult:
    """The result of a run."""

    run_id: str
    business_date: date
    results: tuple[RetailerResult, ...] = field(default=())

    @property
    def failed(self) -> tuple[RetailerResult, ...]:
        """Retailers whose date was not landed."""
        return tuple(result for result in self.results if result.error)

    @property
    def ok(self) -> bool:
        """Whether every requested retailer was landed."""
        return not self.failed

    def as_dict(self) -> dict[str, Any]:
        """As data that can be written as JSON, for XCom and `--json`: counts and money, never rows."""
        return {
            "run_id": self.run_id,
            "business_date": self.business_date.isoformat(),
            "ok": self.ok,
            "retailers": {result.retailer_id: result.as_dict() for result in self.results},
        }


def kind_of(error: RetailError) -> str:
    """The group of an error: what the caller does next."""
    if isinstance(error, RetryLater):
        return "RetryLater"
    return "FixConfiguration" if isinstance(error, FixConfiguration) else "StopRun"
