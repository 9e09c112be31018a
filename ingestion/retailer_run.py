"""One retailer's part of a run: the dates that changed or are missing first, the day itself last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from ingestion import catch_up, source_clock
from ingestion.connectors import registry
from ingestion.connectors.protocol import Changes, Connector, ListsByPosition, Runtime
from ingestion.landing.land_date import land_date
from ingestion.landing.write import ChangesRead, RawZone
from ingestion.mapping.workspace import workspace
from ingestion.results import LandedDate, RetailerResult, kind_of
from ingestion.schema_contracts.guard import SchemaGuard
from ingestion.schema_contracts.notice import SchemaNotice, notice_of
from ingestion.schema_contracts.store import read_guard, save
from shared.config import IngestSettings, Settings
from shared.counts import counted
from shared.database import session, transaction
from shared.errors import RetailError, describe_error
from shared.logs import get_logger

_log = get_logger(__name__)


@dataclass
class _Progress:
    dates: list[LandedDate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    clock_warnings: list[str] = field(default_factory=list)
    """What is wrong with the source's clock."""


@dataclass(frozen=True)
class _Catchup:
    """The other dates to land, and what the day's manifest will declare about them."""

    to_land: tuple[date, ...]
    changes: ChangesRead


_NO_CATCHUP = _Catchup((), ChangesRead())


def ingest_retailer(
    retailer_id: str, day: date, zone: RawZone, settings: Settings, runtime: Runtime, *, since_watermark: bool
) -> RetailerResult:
    """Land `day`; with `since_watermark` also changed and missing dates. Never raises: a failure is a result."""
    progress = _Progress()
    error: str | None = None
    kind: str | None = None
    guard: SchemaGuard | None = None
    try:
        definition = settings.sources.get(retailer_id)
        definition.check_covers(day)
        connector = registry.build(retailer_id, settings, runtime)
        try:
            own = registry.ingest_settings(definition, settings.ingest)
            described = replace(zone, source=settings.sources.describe(retailer_id))
            catchup = _NO_CATCHUP
            if since_watermark:
                start = definition.start_date or date.min
                catchup = _plan(connector, day, start, described, own, progress, runtime.clock())
            guard = read_guard(zone.dsn, retailer_id, definition.contract)
            with workspace(own.memory_mb, threads=1) as duck:
                for each in (*catchup.to_land, day):
                    changes = catchup.changes if each == day else ChangesRead()
                    progress.dates.append(land_date(connector, each, described, own, runtime, duck, changes, guard))
                    progress.clock_warnings += progress.dates[-1].clock_warnings
        finally:
            connector.close()
    except RetailError as failure:
        error, kind = str(failure), kind_of(failure)
        _log.error("not landed", retailer_id=retailer_id, business_date=str(day), error=error)
    except Exception as failure:  # noqa: BLE001 - one retailer's bug must not stop the others
        error, kind = f"{_unexpected(retailer_id, day, settings, failure)}. See the log.", "StopRun"
        _log.exception("not landed", retailer_id=retailer_id, business_date=str(day))
    notice = _save_schema(zone, guard, runtime.clock()) if guard else None
    warnings = tuple(progress.clock_warnings)
    for warning in warnings:
        _log.warning("the source's clock is ahead", retailer_id=retailer_id, warning=warning)
    return RetailerResult(retailer_id, tuple(progress.dates), tuple(progress.notes), error, kind, warnings, notice)


def _save_schema(zone: RawZone, guard: SchemaGuard, now: datetime) -> SchemaNotice | None:
    """Write what was found about the source's schema. What cannot be written is found again by the next run."""
    since = None
    try:
        since = save(zone.dsn, guard, zone.run_id, now)
    except RetailError as failure:
        _log.warning("the schema was not recorded", retailer_id=guard.retailer_id, error=str(failure))
    notice = notice_of(guard, since)
    if notice:
        _log.warning("the schema changed", retailer_id=guard.retailer_id, detail=notice.detail)
    return notice


def _check_clock(retailer_id: str, listed: Changes, progress: _Progress, now: datetime) -> None:
    """Warn of times in the future in a list of changes, which has been read since `now`."""
    if source_clock.is_ahead(listed.as_of, now):
        progress.clock_warnings.append(
            source_clock.ahead_of_our_clock(retailer_id, "its list of changes is as of", listed.as_of, now)
        )
    latest = max((at for at in listed.dates.values() if at < source_clock.ANY_TIME), default=now)
    if source_clock.is_ahead(latest, now):
        progress.clock_warnings.append(
            source_clock.ahead_of_our_clock(retailer_id, "a change has the time", latest, now)
        )


def _unexpected(retailer_id: str, day: date, settings: Settings, failure: Exception) -> str:
    """What failed: a connector of the user's own, at which line, or the platform."""
    definition = settings.sources.find(retailer_id)
    if definition and definition.connector not in registry.CONNECTORS and registry.place_of(definition, failure):
        return registry.describe_failure(definition, failure)
    return f"{retailer_id} {day}: a bug: {describe_error(failure)}"


def _plan(
    connector: Connector[Any],
    day: date,
    start: date,
    zone: RawZone,
    settings: IngestSettings,
    progress: _Progress,
    now: datetime,
) -> _Catchup:
    """The dates to land before `day`, none of them before `start`."""
    with session(zone.dsn, application_name="retail-ingest") as connection, transaction(connection) as cursor:
        published = catch_up.read_published(cursor, connector.retailer_id)
        loaded = catch_up.read_loaded_checksums(cursor, connector.retailer_id)
    published = catch_up.without_future_dates(published, loaded, now)
    gaps = catch_up.find_gaps(day, published, loaded, settings.catch_up_days).since(start)
    _note_left_out(connector.retailer_id, gaps, settings.catch_up_days, progress)
    published = _corrected(published, loaded, zone, connector.retailer_id, progress, now)
    since = catch_up.changes_since(day, published, settings.lookback_days, now)
    listed = _list_changes(connector, since, published.changes_position)
    if listed:
        _check_clock(connector.retailer_id, listed, progress, now)
    listing = catch_up.with_look_back(listed, day, settings.lookback_days, now)
    affected = catch_up.affected_dates(day, published, listing, gaps)
    affected = {each: changed_at for each, changed_at in affected.items() if each >= start}
    manifests = catch_up.current_manifests(zone.bucket, connector.retailer_id, affected)
    known = {each for each, manifest in manifests.items() if catch_up.includes_change(manifest, affected[each])}
    to_land = sorted({*gaps.to_fill, *affected} - known)
    # An earlier run landed these dates but none loaded them. The day's manifest names them, so they are loaded now.
    waiting = {each for each in known if loaded.get(each) != manifests[each].sha256}
    _log.info(
        "changes listed",
        retailer_id=connector.retailer_id,
        since=since.isoformat(),
        until=listing.as_of.isoformat(),
        gaps=len(gaps.to_fill),
        changed=len(affected),
        skipped=len(known),
    )
    # A look-back is not a list of changes: the manifest says that changes were requested, not that they were read.
    changes = ChangesRead(
        since,
        source_clock.read_until(listed.as_of, now) if listed else None,
        published.changes_position,
        listed.position if listed else None,
    )
    return _Catchup(tuple(to_land), replace(changes, other_dates=tuple(sorted({*to_land, *waiting}))))


def _list_changes(connector: Connector[Any], since: datetime, position: str | None) -> Changes | None:
    if isinstance(connector, ListsByPosition):
        return connector.list_changes_from(since, position)
    return connector.list_changes(since)


def _note_left_out(retailer_id: str, gaps: catch_up.Gaps, most: int, progress: _Progress) -> None:
    if not gaps.left_out:
        return
    progress.notes.append(
        f"{retailer_id}: {counted(len(gaps.left_out), 'date')} from {gaps.left_out[0]} to"
        f" {gaps.left_out[-1]} {'is' if len(gaps.left_out) == 1 else 'are'} also missing, but one run catches up"
        f" at most {counted(most, 'date')} (INGEST_CATCH_UP_DAYS)."
        f" Fill them: retail gaps --retailer {retailer_id} --fill."
    )
    _log.warning("gap too long for one run", retailer_id=retailer_id, note=progress.notes[-1])


def _corrected(
    published: catch_up.Published,
    loaded: Mapping[date, str],
    zone: RawZone,
    retailer_id: str,
    progress: _Progress,
    now: datetime,
) -> catch_up.Published:
    """The same with a time up to when changes were certainly read, where the watermark is in the future."""
    ahead = published.changes_read_until
    if ahead is None or not catch_up.is_ahead(published, now):
        return published
    progress.clock_warnings.append(
        source_clock.ahead_of_our_clock(retailer_id, "changes count as read until", ahead, now)
        + " This run reads again what may have been missed, and corrects it."
    )
    certain = catch_up.certainly_read_until(zone.bucket, retailer_id, loaded, published)
    return replace(published, changes_read_until=certain)
