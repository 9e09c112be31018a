"""Lands one retailer's business date from its API: the partition is replaced completely, or left as it was.

A listing is mapped while it is read. It is written only if it agrees with the retailer's control report and few enough
records were rejected.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

import duckdb

from ingestion import source_clock
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Connector, ListingChanged, Runtime
from ingestion.landing.control_totals import check_sum
from ingestion.landing.listing import Listing, reading_listing
from ingestion.landing.rejected_rows import describe, rejected_lines
from ingestion.landing.serialise import DayText
from ingestion.landing.verify import Totals, find_mismatch, rejected_money, unexplained_money
from ingestion.landing.write import NO_CHANGES, ChangesRead, PartitionToWrite, PartitionWriter, RawZone
from ingestion.mapping.rejections import first_rejected
from ingestion.prefetch import prefetch
from ingestion.results import LandedDate
from ingestion.schema_contracts.guard import SchemaGuard
from shared import dead_letters
from shared.config import IngestSettings
from shared.database import session, transaction
from shared.dead_letters import Origin
from shared.errors import FixConfiguration, RetryLater, StopRun
from shared.logs import get_logger
from shared.partitions import ControlReport, Manifest
from shared.scratch import disk_is_full

_log = get_logger(__name__)
_LISTINGS = 4
"""How often a listing that keeps changing is read, the first reading included."""
_PAUSE_SECONDS = 1.0
_MOST_NOT_LANDED = 1_000
"""How many rejected records of a date that is not landed are kept, so that a source cannot fill the warehouse."""
_DUCKDB_MEMORY_FULL = re.compile("failed to (allocate|pin block|offload)|could not allocate")


@dataclass(frozen=True)
class _Reading:
    """A listing that was read to its end."""

    listing: Listing
    totals: Totals
    text: DayText
    requested_from: datetime
    as_of: datetime
    """The latest time that the source states for a page."""


def land_date(
    connector: Connector[Any],
    day: date,
    zone: RawZone,
    settings: IngestSettings,
    runtime: Runtime,
    connection: duckdb.DuckDBPyConnection,
    changes: ChangesRead = NO_CHANGES,
    guard: SchemaGuard | None = None,
) -> LandedDate:
    """Land `day` of one retailer. `connection` is a workspace of `settings.memory_mb`; opening one takes 15 ms.

    Raises RetryLater when the listing never agreed with the control report, StopRun when too many records were
    rejected or the schema is frozen. The partition stays as it was in all of these cases.
    """
    started = runtime.monotonic()
    what, problem = f"{connector.retailer_id} {day}", ""
    for attempt in range(_LISTINGS):
        if attempt:
            about = {"retailer_id": connector.retailer_id, "business_date": str(day), "reason": problem}
            _log.warning("reading the listing again", **about)
            runtime.sleep(_PAUSE_SECONDS * attempt)
        report = connector.daily_report(day)
        latest = runtime.clock() + source_clock.RECORD_MARGIN
        with (
            _enough_room(what, settings.memory_mb),
            reading_listing(connector.mapping, day, settings.memory_mb, connection, latest, guard) as listing,
        ):
            try:
                most = report.lines if report else None
                limits = PageLimits(f"{what}: the listing", settings.listing_minutes, runtime.monotonic, most)
                reading = _read(connector, day, listing, limits, runtime)
                warnings = _clock_warnings(connector.retailer_id, reading, runtime.clock())
            except ListingChanged as error:
                problem = str(error)
                continue
            listing.check_schema()
            # First, because such rows are not better in another reading, and may be why the totals differ.
            _check_rejections(connector, day, zone, settings, reading, runtime.clock())
            for currency, gross in reading.totals.gross_amounts.items():
                check_sum(what, currency, gross)
            if report and find_mismatch(reading.totals, report):
                report = connector.daily_report(day)  # sales may have been entered while the listing was read
            if report and (found := find_mismatch(reading.totals, report)):
                problem = found + _of_rejected(connector, reading)
                continue
            manifest = _write(connector.retailer_id, day, zone, reading, report, changes, runtime)
            listing.take_over_schema()
            if report:
                _warn_of_unexplained_money(manifest, reading.totals, report)
            return _landed(manifest, reading.totals, report, runtime.monotonic() - started, warnings)
    raise RetryLater(
        f"{what}: after {_LISTINGS} readings {problem}. The partition was not replaced."
        f" Run again later: python -m ingestion.main {day} --retailer {connector.retailer_id}"
    )


@contextmanager
def _enough_room(what: str, memory_mb: int) -> Iterator[None]:
    """Raises FixConfiguration where memory or the disk for temporary files was not enough."""
    try:
        yield
    except duckdb.Error as error:
        # It is an OutOfMemoryException or a FatalException, with the cause only in the text.
        if disk_is_full(error):
            raise FixConfiguration(_no_disk(what, "No space left on device")) from error
        if not isinstance(error, duckdb.OutOfMemoryException) and not _DUCKDB_MEMORY_FULL.search(str(error)):
            raise
        raise FixConfiguration(
            f"{what}: {memory_mb} MB are not enough to read the listing. Raise INGEST_MEMORY_MB."
        ) from error
    except OSError as error:
        if not disk_is_full(error):
            raise
        raise FixConfiguration(_no_disk(what, error.strerror)) from error


def _no_disk(what: str, reason: str | None) -> str:
    return (
        f"{what}: no room for temporary files in {tempfile.gettempdir()} ({reason}). A listing needs about 1.5 KB per"
        " line there. Make room, or set TMPDIR to a folder of a larger disk."
    )


def _read(connector: Connector[Any], day: date, listing: Listing, limits: PageLimits, runtime: Runtime) -> _Reading:
    requested_from = as_of = runtime.clock()
    is_empty = True
    with prefetch(connector.fetch_sales_data(day)) as pages:
        for page in pages:
            if is_empty:
                requested_from, is_empty = min(requested_from, page.as_of), False
            limits.check(page.rows, page.requested)
            as_of = max(as_of, page.as_of)
            listing.add(page)
            _check_room(f"{connector.retailer_id} {day}", listing, runtime)
    if is_empty:
        raise StopRun(
            f"{connector.retailer_id} {day}: the connector sent no page. A date without sales is one page without rows."
            " The partition was not replaced."
        )
    return _Reading(listing, *listing.complete(), requested_from, as_of)


def _check_room(what: str, listing: Listing, runtime: Runtime) -> None:
    """Raise StopRun if a listing has taken more of the disk than is left.

    So as much stays free as the largest of several listings takes, for whatever else needs the disk.
    """
    if listing.size_bytes > (free := runtime.free_bytes(listing.directory)):
        raise StopRun(
            f"{what}: the listing has {listing.size_bytes:,} bytes so far, and the disk of {tempfile.gettempdir()} has"
            f" only {free:,} left. Does the source send more than it should? If not, free some space there, or set"
            " TMPDIR to a folder of a larger disk."
        )


def _clock_warnings(retailer_id: str, reading: _Reading, now: datetime) -> tuple[str, ...]:
    found, future = [], reading.listing.future_times
    if source_clock.is_ahead(reading.as_of, now):
        found.append(source_clock.ahead_of_our_clock(retailer_id, "its clock says", reading.as_of, now))
    if future.greatest is not None:
        lines = "1 line has a time" if future.records == 1 else f"{future.records:,} lines have a time"
        what = f"{lines} of a change or of a customer up to"
        found.append(
            source_clock.ahead_of_our_clock(retailer_id, what, future.greatest, now)
            + " These lines count as unchanged since their sale, and the customers as observed then."
        )
    return tuple(found)


def _check_rejections(
    connector: Connector[Any], day: date, zone: RawZone, settings: IngestSettings, reading: _Reading, now: datetime
) -> None:
    retailer_id, totals = connector.retailer_id, reading.totals
    most, most_money = settings.max_reject_share, settings.max_reject_amount_share
    is_too_many = totals.rejected > most * totals.fetched
    too_much = "" if is_too_many else rejected_money(totals, most if most_money is None else most_money)
    if not is_too_many and not too_much:
        return
    origin = Origin(retailer_id, day, "ingest", zone.run_id, None, now)
    lines = rejected_lines(reading.listing.connection.cursor(), day, reading.listing)
    with session(zone.dsn, application_name="retail-ingest") as warehouse, transaction(warehouse) as cursor:
        dead_letters.record(cursor, islice(lines, _MOST_NOT_LANDED), origin)
    counts = ", ".join(f"{count} {code}" for code, count in totals.reasons.items())
    rejected = f"{totals.rejected} of {totals.fetched} records rejected ({counts})"
    what = f"{rejected}: {too_much}" if too_much else f"{rejected}, more than {most:.0%}"
    setting, limit = (
        ("INGEST_MAX_REJECT_AMOUNT_SHARE", "reject_amount_share")
        if too_much
        else ("INGEST_MAX_REJECT_SHARE", "reject_share")
    )
    raise StopRun(
        f"{retailer_id} {day}: {what}. The partition was not replaced. The first one:"
        f" {_first_rejected(connector, reading)}. List them: retail dead-letters list --retailer {retailer_id}"
        f" --date {day}. To land the rest, raise {setting}, or limits.{limit} of the source."
    )


def _of_rejected(connector: Connector[Any], reading: _Reading) -> str:
    """The end of a sentence about a difference: rejected lines may be why."""
    rejected = reading.totals.rejected
    return (
        f" ({rejected} of its lines rejected, the first one {_first_rejected(connector, reading)})" if rejected else ""
    )


def _first_rejected(connector: Connector[Any], reading: _Reading) -> str:
    [row] = first_rejected(reading.listing.connection, 1)
    # The message goes to alerts and to ops.pipeline_runs.
    value = None if row.may_name_a_customer(connector.mapping) else row.value
    place = reading.listing.place(row.source_file, row.source_line)
    return f"{describe(place, row.column, value, row.reason)}: {row.reason} ({row.code})"


def _write(
    retailer_id: str,
    day: date,
    zone: RawZone,
    reading: _Reading,
    report: ControlReport | None,
    changes: ChangesRead,
    runtime: Runtime,
) -> Manifest:
    part = PartitionToWrite(reading.text, reading.totals.contents, control_report=report, changes=changes)
    with (
        session(zone.dsn, application_name="retail-ingest") as warehouse,
        PartitionWriter(
            zone,
            warehouse,
            reading.listing.connection.cursor(),
            retailer_id=retailer_id,
            origin=reading.listing,
            requested_from=reading.requested_from,
            clock=runtime.clock,
        ) as writer,
    ):
        return writer.write_complete(part)


def _warn_of_unexplained_money(manifest: Manifest, totals: Totals, report: ControlReport) -> None:
    if totals.rejected and (difference := unexplained_money(totals, report)):
        _log.warning(
            "money of rejected records cannot be reconciled",
            retailer_id=manifest.retailer_id,
            business_date=str(manifest.business_date),
            difference=difference,
        )


def _landed(
    manifest: Manifest, totals: Totals, report: ControlReport | None, seconds: float, warnings: tuple[str, ...]
) -> LandedDate:
    landed = LandedDate(
        business_date=manifest.business_date,
        reported=report.lines if report else None,
        fetched=manifest.fetched,
        landed=manifest.landed,
        rejected=manifest.rejected,
        distinct=manifest.distinct,
        net_amounts={currency: amounts.landed for currency, amounts in manifest.amounts.items()},
        reasons=dict(totals.reasons),
        sha256=manifest.sha256,
        seconds=seconds,
        size_bytes=manifest.size_bytes,
        clock_warnings=warnings,
    )
    _log.info("landed", retailer_id=manifest.retailer_id, **landed.as_dict())
    return landed
