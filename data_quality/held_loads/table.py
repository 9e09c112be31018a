"""ops.held_loads: landed content that failed a critical check, and what a user decided about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from psycopg2.extras import Json

from data_quality.quality_checks import CheckResult, Status
from shared.database import Cursor, lock_in_transaction, read_sql
from shared.publication_gate import CheckedLoad, HeldDate, LandedContent

_SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class KnownContent:
    """Landed content that was held before."""

    held_load_id: int
    business_date: date
    status: str
    failed_checks: Sequence[Mapping[str, Any]]
    decided_by: str | None
    reason: str | None

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that it failed: an approval is about these."""
        return tuple(each["check"] for each in self.failed_checks)

    def as_held(self, retailer_id: str) -> HeldDate:
        """The date, which is not published."""
        messages = tuple(each["message"] for each in self.failed_checks)
        is_discarded = self.status == "discarded"
        if is_discarded:
            messages += (f"{self.decided_by} discarded it: {self.reason}.",)
        return HeldDate(
            retailer_id,
            self.business_date,
            self.failed,
            messages,
            self.held_load_id,
            is_discarded,
            is_known=True,
        )


def find_known(cursor: Cursor, retailer_id: str, landed: Mapping[date, LandedContent]) -> dict[date, KnownContent]:
    """What is known of exactly this content of each date."""
    cursor.execute(read_sql(_SQL / "find_decisions.sql"), {"retailer_id": retailer_id, **_digests(landed)})
    return {row[1]: KnownContent(*row) for row in cursor.fetchall()}


def hold(cursor: Cursor, load: CheckedLoad, held: HeldDate, results: Sequence[CheckResult]) -> int:
    """Record a held date with its failed checks; its number, or 0 if that was decided or published meanwhile."""
    landed = load.landed[held.business_date]
    manifest = landed.manifest
    bound = {
        "retailer_id": load.retailer_id,
        "business_date": held.business_date,
        "landed_digest": landed.landed_digest,
        "content_digest": landed.content_digest,
        "source_sha256": manifest.sha256,
        "landed_run_id": manifest.run_id,
        "records": manifest.landed,
        "failed_checks": Json([each.as_dict() for each in results]),
        "run_id": load.run_id,
        "load_id": load.load_id,
        "now": load.now,
    }
    lock_in_transaction(cursor, "held load", load.retailer_id, held.business_date)
    cursor.execute(read_sql(_SQL / "supersede_other_content.sql"), bound)
    cursor.execute(read_sql(_SQL / "hold.sql"), bound)
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def settle(cursor: Cursor, load: CheckedLoad) -> None:
    """In the transaction that publishes a load: nothing of its dates waits any longer."""
    bound = {"retailer_id": load.retailer_id, "load_id": load.load_id, "now": load.now, **_digests(load.landed)}
    cursor.execute(read_sql(_SQL / "settle.sql"), bound)


def with_approvals(cursor: Cursor, results: Iterable[CheckResult]) -> list[CheckResult]:
    """The results for the slices in `checked_slices`. What fails only warns where a user has approved exactly that."""
    cursor.execute(read_sql(_SQL / "find_approvals.sql"))
    approvals = {row[:3]: f"{row[3]} has approved the date all the same: {row[4]}" for row in cursor.fetchall()}

    def with_approval(result: CheckResult) -> CheckResult:
        finding = result.finding
        approval = approvals.get((finding.retailer_id, finding.business_date, result.check.name))
        if result.status is not Status.FAIL or approval is None:
            return result
        return replace(result, status=Status.WARN, approval=approval)

    return [with_approval(each) for each in results]


def _digests(landed: Mapping[date, LandedContent]) -> dict[str, Any]:
    return {
        "days": list(landed),
        "digests": [each.landed_digest for each in landed.values()],
        "contents": [each.content_digest for each in landed.values()],
        "checksums": [each.manifest.sha256 for each in landed.values()],
    }
