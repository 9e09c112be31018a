"""The gate between a load and its readers: the dates that fail a critical check are held, whichever way a load starts.

The transformation knows this interface only. The checks are a stage of their own, so `quality_gate` finds them by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from typing import Any, Protocol

from shared.database import Cursor
from shared.partitions import Manifest

QUALITY_GATE = "data_quality.publication_gate"
"""The module with the gates."""


@dataclass(frozen=True)
class LandedContent:
    """What was landed of a date."""

    manifest: Manifest
    records_digest: str
    """Of its records, whatever their order."""

    @property
    def landed_digest(self) -> str:
        """Equal when the date was landed again without any difference, also in the order of the records."""
        return _digest(self.manifest.sha256, self.manifest.rejected_sha256, *self._counts)

    @property
    def content_digest(self) -> str:
        """Equal when only the order of the records differs, and the platform conforms them by the same rules."""
        return _digest(self.records_digest, *self._counts)

    @property
    def _counts(self) -> tuple[object, ...]:
        report = self.manifest.control_report
        net = {code: str(amount.normalize()) for code, amount in sorted(report.net.items())} if report else None
        return (self.manifest.fetched, self.manifest.rejected, report.lines if report else None, net)


def _digest(*content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True)
class CheckedLoad:
    """A load that is about to be committed."""

    retailer_id: str
    run_id: str
    load_id: int
    now: datetime
    landed: Mapping[date, LandedContent]
    """The dates that it brings to the warehouse, or leaves as they are there."""
    loaded: tuple[date, ...]
    """Those of them that it writes."""


@dataclass(frozen=True)
class HeldDate:
    """A landed date that is not published."""

    retailer_id: str
    business_date: date
    failed: tuple[str, ...]
    """The names of the critical checks that it fails."""
    messages: tuple[str, ...]
    """What they found."""
    held_load_id: int = 0
    """Its number in ops.held_loads; 0 until it is recorded."""
    is_discarded: bool = False
    """Whether a user has decided that this content is not published; otherwise it waits for a decision."""
    is_known: bool = False
    """Whether it was left out because of an earlier check or decision; otherwise it has just been checked."""

    def __str__(self) -> str:
        """`2024-01-15 fails rows_match_report (retail held show 3)`."""
        show = f"retail held show {self.held_load_id}" if self.held_load_id else "retail held list"
        what = "was discarded after it failed" if self.is_discarded else "fails"
        return f"{self.business_date} {what} {', '.join(self.failed)} ({show})"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "held_load_id": self.held_load_id,
            "business_date": self.business_date.isoformat(),
            "status": "discarded" if self.is_discarded else "waiting",
            "failed_checks": list(self.failed),
            "messages": list(self.messages),
        }


class PublicationGate(Protocol):
    """Decides which dates of a load are published."""

    def left_out(
        self, cursor: Cursor, retailer_id: str, landed: Mapping[date, LandedContent], requested: Collection[date]
    ) -> Sequence[HeldDate]:
        """The dates that need not be tried: this content was discarded, or it is waiting and was not requested."""

    def check(self, cursor: Cursor, load: CheckedLoad) -> Sequence[HeldDate]:
        """The dates that must not be published, by checks in the load's own transaction.

        When there is none, what the load changes of earlier decisions is written in the same transaction.
        """

    def record(self, cursor: Cursor, load: CheckedLoad, held: Sequence[HeldDate]) -> Sequence[HeldDate]:
        """Record the held dates of a load that was rolled back; the same with their numbers."""

    def report(self, dsn: str, run_id: str, retailer_id: str, held: Sequence[HeldDate], now: datetime) -> None:
        """Raise the alerts of what waits for a decision, and resolve those of what waits no more. Never raises."""


class OpenGate:
    """Holds nothing, and looks at nothing that was held: for tests of what else a load does."""

    def left_out(
        self, cursor: Cursor, retailer_id: str, landed: Mapping[date, LandedContent], requested: Collection[date]
    ) -> Sequence[HeldDate]:
        """None."""
        return ()

    def check(self, cursor: Cursor, load: CheckedLoad) -> Sequence[HeldDate]:
        """None."""
        return ()

    def record(self, cursor: Cursor, load: CheckedLoad, held: Sequence[HeldDate]) -> Sequence[HeldDate]:
        """Nothing to record."""
        return held

    def report(self, dsn: str, run_id: str, retailer_id: str, held: Sequence[HeldDate], now: datetime) -> None:
        """Nothing to report."""


def quality_gate(*, is_checked_by_caller: bool = False) -> PublicationGate:
    """The critical checks of `data_quality/checks.toml`; or, where the caller makes them, what follows from them."""
    name = "GATE_AFTER_CHECKS" if is_checked_by_caller else "GATE"
    gate: PublicationGate = getattr(import_module(QUALITY_GATE), name)
    return gate
