"""Which sources of files are due between the daily runs: those that load on arrival, and those with a cron schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import croniter  # type: ignore[import-untyped]

from pipeline.drop_ledger import listed_at
from shared.config import Settings
from shared.database import session, transaction
from shared.sources.definition import SourceDefinition
from shared.sources.registry import Sources
from shared.sources.schedules import ON_ARRIVAL, is_cron


def due_sources(settings: Settings, now: datetime) -> list[str]:
    """The sources that are due at `now`. Raises RetryLater or FixConfiguration when the warehouse cannot be read."""
    if not settings.sources.drops():
        return []
    dsn = settings.warehouse_dsn.get_secret_value()
    with session(dsn, application_name="retail-files") as connection, transaction(connection) as cursor:
        return choose_due(settings.sources, listed_at(cursor, settings.sources.drops()), now)


def choose_due(sources: Sources, listed: Mapping[str, datetime], now: datetime) -> list[str]:
    """Of the enabled sources of dropped files those that are due; `listed` has the time of each one's last listing."""
    return [name for name in sources.drops() if is_due(sources.definitions[name], listed.get(name), now)]


def is_due(definition: SourceDefinition, listed: datetime | None, now: datetime) -> bool:
    """Whether a time of the source's schedule has passed since its last listing.

    So a time that passed while nothing ran is made up for, once, and a new source is listed at once.
    """
    if definition.schedule == ON_ARRIVAL:
        return True
    if not is_cron(definition.schedule):
        return False
    zone = ZoneInfo(definition.time_zone)
    latest: datetime = croniter(definition.schedule, now.astimezone(zone)).get_prev(datetime)
    return listed is None or listed < latest
