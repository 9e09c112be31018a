"""The data that the page shows: business dates, partitions, checks, stages, alerts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]
_KINDS_OF_RUN = "scheduled|manual|backfill|asset_triggered|asset_materialization|operator_triggered"
STARTED_BY_AIRFLOW = re.compile(rf"({_KINDS_OF_RUN})__")


@dataclass(frozen=True)
class Money:
    """One currency of a partition, in signed net money."""

    currency: str
    reported: Decimal | None
    landed: Decimal
    rejected: Decimal
    inserted: Decimal
    updated: Decimal
    unchanged: Decimal
    duplicate: Decimal
    withdrawn: Decimal
    in_warehouse: Decimal

    @classmethod
    def of(cls, row: Row) -> Money:
        """From JSON, where money is text."""
        amounts = {name: None if row[name] is None else Decimal(row[name]) for name in _AMOUNTS}
        return cls(currency=row["currency"], **amounts)  # type: ignore[arg-type] # only `reported` may be null


_AMOUNTS = tuple(name for name in Money.__dataclass_fields__ if name != "currency")


@dataclass(frozen=True)
class Partition:
    """A retailer's business date in its latest load: where every record and every cent went."""

    business_date: date
    retailer_id: str
    load_id: int
    run_id: str
    recorded_at: datetime
    reported: int | None
    fetched: int
    landed: int
    rejected: int
    inserted: int
    updated: int
    unchanged: int
    duplicate: int
    superseded: int
    withdrawn: int
    in_warehouse: int
    money: tuple[Money, ...]

    @classmethod
    def of(cls, row: Row) -> Partition:
        """From a row of ledger.sql."""
        return cls(**{**row, "money": tuple(Money.of(each) for each in row["money"])})


@dataclass(frozen=True)
class Day:
    """A business date: its outcome and scores, what is loaded of it, its open alerts."""

    business_date: date
    outcome: str | None
    score: float | None
    run_id: str | None
    scored_at: datetime | None
    checked_by: str | None
    checked_at: datetime | None
    failed: int
    warned: int
    open_alerts: int
    alert_id: int | None
    dimensions: Mapping[str, float]
    partitions: tuple[Partition, ...] = ()
    missing: tuple[str, ...] = ()
    """Sources without data of this date: scheduled ones that should have some, and those that failed their checks."""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """The outcome of the latest check of each source."""

    @property
    def is_known(self) -> bool:
        """Whether anything was loaded, checked or reported."""
        return bool(self.partitions or self.checked_by or self.open_alerts)

    @property
    def has_problem(self) -> bool:
        """Whether it failed, or a source is missing."""
        return self.outcome == "fail" or bool(self.missing)

    @property
    def is_checked_again(self) -> bool:
        """Whether another run than the one that gave the score checked this date since."""
        return self.checked_by is not None and self.checked_by != self.run_id

    @classmethod
    def of(cls, row: Row, partitions: Sequence[Partition] = (), since: Mapping[str, date] | None = None) -> Day:
        """From a row of days.sql. The findings about its sources decide the outcome, not those about other dates."""
        outcome = row["outcome"]
        if row["checked_by"]:
            outcome = "fail" if row["failed"] else "warn" if row["warned"] else "pass"
        loaded = {each.retailer_id for each in partitions}
        expected = {name for name, first in (since or {}).items() if first <= row["business_date"]}
        expected |= {name for name, found in row["outcomes"].items() if found == "fail"}
        own = {
            "outcome": outcome,
            "dimensions": row["dimensions"] or {},
            "partitions": tuple(partitions),
            "missing": tuple(sorted(expected - loaded)),
        }
        return cls(**{**row, **own})


@dataclass(frozen=True)
class Check:
    """What one check found for one retailer."""

    check_name: str
    retailer_id: str | None
    dimension: str
    severity: str
    status: str
    score: float | None
    """None when it was not checked."""
    threshold: float
    expected: str | None
    actual: str | None
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class StageRun:
    """An execution of a stage."""

    run_id: str
    stage: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    message: str | None


@dataclass(frozen=True)
class Alert:
    """A problem that an operator has to look at, or had to."""

    alert_id: int
    kind: str
    severity: str
    status: str
    summary: str
    detail: str
    business_date: date | None
    retailer_id: str | None
    dag_id: str | None
    run_id: str | None
    task_id: str | None
    occurrences: int
    first_seen_at: datetime
    last_seen_at: datetime
    notified_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    note: str | None


@dataclass(frozen=True)
class Alerts:
    """Some alerts, and how many are unresolved in all, shown or not."""

    shown: tuple[Alert, ...] = ()
    unresolved: int = 0


@dataclass(frozen=True)
class Overview:
    """A period, newest date first; empty while nothing has been published or checked."""

    days: tuple[Day, ...] = ()
    alerts: Alerts = field(default_factory=Alerts)

    @property
    def problems(self) -> int:
        """On how many dates a check failed or a source is missing."""
        return sum(day.has_problem for day in self.days)

    @property
    def last(self) -> Day | None:
        """The last known business date."""
        return self.days[0] if self.days else None


@dataclass(frozen=True)
class DayDetails:
    """Everything about one business date."""

    day: Day
    checks: tuple[Check, ...]
    stages: tuple[StageRun, ...]
    alerts: Alerts

    @property
    def findings(self) -> tuple[Check, ...]:
        """Checks below their threshold."""
        return tuple(check for check in self.checks if check.status in ("fail", "warn"))

    @property
    def not_checked(self) -> tuple[Check, ...]:
        """Checks that had nothing to compare with."""
        return tuple(check for check in self.checks if check.status == "not_checked")

    @property
    def passed(self) -> tuple[Check, ...]:
        """Checks that passed."""
        return tuple(check for check in self.checks if check.status == "pass")


def by_date(partitions: Iterable[Partition]) -> dict[date, list[Partition]]:
    """Partitions of each business date, in their order."""
    found: dict[date, list[Partition]] = {}
    for each in partitions:
        found.setdefault(each.business_date, []).append(each)
    return found


def is_airflows(run_id: str | None) -> bool:
    """Whether Airflow started this run, so that it has a page there; commands use other names."""
    return bool(run_id and STARTED_BY_AIRFLOW.match(run_id))
