"""A maintenance task's context and result, for the command line, Airflow and programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from shared.config import Settings
from shared.database import Connection, session
from shared.errors import StopRun

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of the entry points."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class TaskContext:
    """What every maintenance task needs."""

    settings: Settings
    run_id: str
    yesterday: date
    """The last complete business date."""
    clock: Clock = utc_now

    @property
    def dsn(self) -> str:
        """Of the warehouse, as its loader."""
        return self.settings.warehouse_dsn.get_secret_value()

    def warehouse(self) -> Any:
        """A connection for the length of a block."""
        return session(self.dsn, application_name="retail-maintenance")


@dataclass(frozen=True)
class TaskResult:
    """The outcome of one task."""

    summary: str
    """One line."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able."""
    problem: str | None = None
    """What is wrong and what to do, if there is something that an operator has to look at."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {"ok": self.problem is None, "summary": self.summary, "problem": self.problem, **self.facts}

    def raise_on_problem(self) -> TaskResult:
        """Return the result; raise StopRun when there is a problem, so that the Airflow task fails."""
        if self.problem:
            raise StopRun(self.problem)
        return self


def set_lock_timeout(connection: Connection, seconds: float) -> None:
    """Stop waiting for a lock after this time: loads and readers never queue behind maintenance."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", (f"{seconds * 1000:.0f}ms",))
