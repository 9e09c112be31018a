"""The first stage of a run: which sources it is for, and what the warehouse knows of each source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from monitoring import metrics
from monitoring.alerts import resolve_alerts
from monitoring.stage_runs import StageRun, record_stage
from shared.config import Settings
from shared.database import Cursor, session, transaction
from shared.logs import get_logger
from shared.sources.registry import Sources
from shared.sources.table import record_definitions

log = get_logger(__name__)
_ALERTS = ("missing_data", "task_failed", "quality_violation")
"""Alerts about a source that nobody can or has to fix once it is removed or disabled."""


@dataclass(frozen=True)
class Plan:
    """What a run is for."""

    business_date: date
    sources: tuple[str, ...]
    """In the order of Airflow's mapped tasks; empty when no source is due."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form, for XCom and `ops.pipeline_runs`."""
        return {"business_date": self.business_date.isoformat(), "sources": list(self.sources)}


def choose(sources: Sources, names: Sequence[str] | None, day: date) -> tuple[str, ...]:
    """The named sources, or those that are due when none is named; empty when none is due.

    Raises FixConfiguration for an unknown or disabled name, and when there is no definition at all.
    """
    return sources.chosen(names, day) if names or not sources.ids else sources.due(day)


def run(
    day: date, names: Sequence[str] | None, *, settings: Settings, run_id: str, clock: Callable[[], datetime]
) -> Plan:
    """Choose the sources of a run and write what the definitions say to `ops.sources`.

    The alerts and metrics of sources that were removed or disabled since are resolved and deleted. Raises
    FixConfiguration as `choose` does, and RetryLater when the warehouse cannot be reached.
    """
    dsn = settings.warehouse_dsn.get_secret_value()
    with record_stage(dsn, StageRun(run_id, "plan", day), clock=clock) as stage:
        plan = Plan(day, choose(settings.sources, names, day))
        with session(dsn, application_name="retail-plan") as connection, transaction(connection) as cursor:
            record_definitions(cursor, settings.sources, clock())
            retired = find_retired(cursor, settings.sources)
        for retailer_id in retired:
            by = f"run {run_id}: the source was removed or disabled"
            resolve_alerts(dsn, kind=_ALERTS, retailer_id=retailer_id, by=by, clock=clock)
        metrics.delete_groups(retired)
        stage.finish(details=plan.as_dict())
    log.info("sources chosen", run_id=run_id, business_date=str(day), sources=plan.sources)
    return plan


def find_retired(cursor: Cursor, sources: Sources) -> list[str]:
    """Sources that the warehouse knows and no run reads any more: without a definition, or disabled.

    Loads of files have no definition; they are not among them.
    """
    cursor.execute("SELECT retailer_id FROM ops.sources WHERE NOT is_scheduled AND connector <> 'files' ORDER BY 1")
    known = [str(retailer_id) for (retailer_id,) in cursor.fetchall()]
    return [each for each in known if each not in sources.ids or _is_disabled(sources, each)]


def _is_disabled(sources: Sources, source_id: str) -> bool:
    definition = sources.find(source_id)  # None for one with an error, which a correction brings back
    return definition is not None and not definition.enabled
