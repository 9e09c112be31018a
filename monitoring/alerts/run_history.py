"""What the warehouse knows about a run: what it published, and which alerts it resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from monitoring.alerts import table
from monitoring.alerts.alerting import Clock, announce_resolved
from monitoring.alerts.channels import Channel
from shared.counts import counted


@dataclass(frozen=True)
class RunFacts:
    """The result of a run."""

    partitions: int = 0
    other_partitions: int = 0
    """Of them, those of other dates: caught up, or changed since."""
    in_warehouse: int = 0
    inserted: int = 0
    updated: int = 0
    rejected: int = 0
    retailers: tuple[str, ...] = ()
    money: Mapping[str, Decimal] = field(default_factory=dict)
    score: Decimal | None = None
    outcome: str | None = None
    causes: tuple[str, ...] = ()
    """Unresolved alerts of the run, the oldest first."""

    def sentences(self, took: timedelta | None) -> list[str]:
        """The result as sentences."""
        lines = []
        if self.partitions:
            more = f", {self.other_partitions} of them of other dates" if self.other_partitions else ""
            lines += [
                f"Records: {self.in_warehouse:,} in {counted(self.partitions, 'partition')}{more}"
                f" ({self.inserted:,} new, {self.updated:,} changed, {self.rejected:,} rejected)",
                f"Money: {', '.join(f'{amount:,.2f} {code}' for code, amount in sorted(self.money.items())) or 'none'}",
                f"Retailers: {', '.join(self.retailers)}",
            ]
        if self.score is not None:
            lines.append(f"Quality: {self.score:.1f} of 100 ({self.outcome})")
        if took is not None:
            lines.append(f"Duration: {format_duration(took)}")
        return lines


def format_duration(took: timedelta) -> str:
    """`3 h 05 min`, `4 min 09 s` or `5.3 s`."""
    seconds = took.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min {rest:02} s"


def run_facts(dsn: str, run_id: str, day: date | None) -> RunFacts:
    """What the warehouse knows about a run. Raises RetryLater or FixConfiguration."""
    with table.alerts_transaction(dsn) as cursor:
        row: dict[str, Any] = table.query(cursor, "run_facts", run_id=run_id, business_date=day)[0]
    money = {code: Decimal(amount) for code, amount in row.pop("money").items()}
    retailers, causes = tuple(row.pop("retailers")), tuple(row.pop("causes"))
    return RunFacts(**row, retailers=retailers, causes=causes, money=money)


def chosen_sources(dsn: str, run_id: str) -> list[str]:
    """The sources that a run was for, in the order of its mapped tasks. Raises RetryLater or FixConfiguration."""
    with table.alerts_transaction(dsn) as cursor:
        return [row["retailer_id"] for row in table.query(cursor, "chosen_sources", run_id=run_id)]


def unpublished(dsn: str, retailers: Sequence[str], day: date) -> list[str]:
    """Which of the retailers have nothing published for the date. Raises RetryLater or FixConfiguration."""
    with table.alerts_transaction(dsn) as cursor:
        rows = table.query(cursor, "unpublished", retailers=list(retailers), business_date=day)
    return [row["retailer_id"] for row in rows]


def resolve_caught_up(dsn: str, *, by: str, clock: Clock, channels: Sequence[Channel] | None = None) -> int:
    """Resolve alerts that a later load has fixed, and failed runs with nothing left to fix.

    Returns how many alerts were resolved. Raises RetryLater or FixConfiguration.
    """
    with table.alerts_transaction(dsn) as cursor:
        values = {"by": by, "now": clock()}
        rows = table.query(cursor, "resolve_caught_up", **values)
        rows += table.query(cursor, "resolve_failed_runs", **values)
    announce_resolved(rows, by, channels)
    return len(rows)


def resolve_quality(
    dsn: str, day: date | None, outcome: str, *, by: str, clock: Clock, channels: Sequence[Channel] | None = None
) -> int:
    """Resolve alerts that a check of `day` and the other dates of its run no longer finds.

    `day` is None after a check of some sources only, which says nothing about the others.
    Returns how many alerts were resolved. Raises RetryLater or FixConfiguration.
    """
    passed, warned = (day if outcome == each else None for each in ("pass", "warn"))
    with table.alerts_transaction(dsn) as cursor:
        rows = table.query(cursor, "resolve_quality", passed=passed, warned=warned, by=by, now=clock())
    announce_resolved(rows, by, channels)
    return len(rows)
