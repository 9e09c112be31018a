"""Decisions about held loads, and what follows from them: the publication, the views, and the end of the alert."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from data_quality.held_loads.decisions import DecidedBy, Decision, HeldLoad, decide
from monitoring.alerts.outcomes import refresh_task, task_alerts
from monitoring.alerts.run_history import resolve_caught_up
from pipeline.stages import REFRESH, StageCall, utc_now
from shared.commands import new_run_id
from shared.config import Settings
from shared.database import session, transaction
from shared.s3_client import Bucket

if TYPE_CHECKING:
    from transformation.main import TransformResult

_COMMAND = "retail held"


def record_decision(
    settings: Settings,
    number: int,
    decision: Decision,
    *,
    user: str,
    reason: str,
    clock: Callable[[], datetime] = utc_now,
) -> HeldLoad:
    """Record a decision about a held load, and resolve its alert. Raises what `decide` raises."""
    dsn, raw = settings.warehouse_dsn.get_secret_value(), Bucket(settings.s3, settings.s3.bucket_raw)
    with session(dsn, application_name="retail-held") as connection, transaction(connection) as cursor:
        held = decide(cursor, number, decision, DecidedBy(user, reason, clock()), raw)
    resolve_caught_up(dsn, by=f"{_COMMAND}, {user}", clock=clock)
    return held


def publish_approved(settings: Settings, held: HeldLoad, *, clock: Callable[[], datetime] = utc_now) -> TransformResult:
    """Load the date of an approved load now, and refresh the views. The next load of the date would do it as well."""
    from transformation.main import transform_with_alerts

    result = transform_with_alerts(held.business_date, [held.retailer_id], settings, insert_only=False)
    if any(load.entries for load in result.loads):
        run_id = new_run_id("held")
        task = refresh_task(_COMMAND, run_id)
        with task_alerts(settings.warehouse_dsn.get_secret_value(), task, clock=clock):
            REFRESH.run(StageCall(held.business_date, settings, run_id, clock=clock))
    return result
