"""Lands one retailer's business date from its API: the partition is replaced completely, or left as it was.

A listing is streamed into an upload that is not visible yet. The upload is completed only if it agrees with the
retailer's control report and few enough records were rejected. Then data, rejected records and manifest are written, in
this order, under a lock of the partition. Until the manifest is written, readers get a copy of what is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from ingestion.connectors.protocol import Connector, ListingChanged, RawPage, Runtime
from ingestion.landing.verify import Totals, find_mismatch, unexplained_money
from ingestion.models.reject_reasons import RejectReason
from ingestion.normalizers.assembly import json_lines
from ingestion.prefetch import prefetch
from ingestion.results import LandedDate
from shared import dead_letters
from shared.database import lock_in_transaction, session, transaction
from shared.dead_letters import DeadLetter, DeadLetterBuffer, Origin
from shared.errors import RejectRecord, RetryLater, StopRun
from shared.logs import get_logger
from shared.partition_versions import drop_copies, keep_version
from shared.partitions import ControlReport, Manifest, RequestWindow, manifest_key, raw_key, rejected_key
from shared.s3_client import Bucket, ObjectWriter
from shared.version import CODE_VERSION

_log = get_logger(__name__)
_LISTINGS = 4
"""How often a listing that keeps changing is read, the first reading included."""
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class LandingTarget:
    """Where partitions are landed, and by which run."""

    bucket: Bucket
    dsn: str
    run_id: str
    max_reject_share: float


@dataclass(frozen=True)
class ChangesRead:
    """What the day's manifest declares about the change listing and the other dates landed in the same run."""

    since: datetime | None = None
    until: datetime | None = None
    other_dates: tuple[date, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """A listing that was read to its end."""

    totals: Totals
    requested_from: datetime


def land_date(
    connector: Connector[Any],
    day: date,
    zone: LandingTarget,
    runtime: Runtime,
    changes: ChangesRead = ChangesRead(),
) -> LandedDate:
    """Land `day` of one retailer.

    Raises RetryLater when the listing never agreed with the control report, StopRun when too many records were
    rejected. In both cases the partition stays as it was.
    """
    started = runtime.monotonic()
    problem = ""
    for attempt in range(_LISTINGS):
        if attempt:
            _log.warning(
                "reading the listing again",
                retailer_id=connector.retailer_id,
                business_date=str(day),
                reason=problem,
            )
            runtime.sleep(_PAUSE_SECONDS * attempt)
        report = connector.daily_report(day)
        key = raw_key(connector.retailer_id, day)
        with zone.bucket.writer(key) as writer, DeadLetterBuffer() as buffer:
            try:
                reading = _read(connector, day, writer, buffer, runtime)
            except ListingChanged as error:
                problem = str(error)
                continue
            if find_mismatch(reading.totals, report):
                report = connector.daily_report(day)  # sales may have been entered while the listing was read
            if found := find_mismatch(reading.totals, report):
                problem = found
                continue
            _check_rejections(connector.retailer_id, day, zone, reading.totals, buffer, runtime.clock())
            manifest = _write(connector.retailer_id, day, zone, reading, report, writer, buffer, changes, runtime)
            _warn_of_unexplained_money(manifest, reading.totals, report)
            return _landed(manifest, reading.totals, report, runtime.monotonic() - started)
    raise RetryLater(
        f"{connector.retailer_id} {day}: after {_LISTINGS} readings {problem}. The partition was not replaced."
        f" Run again later: python -m ingestion.main {day} --retailer {connector.retailer_id}"
    )


def _read(
    connector: Connector[Any],
    day: date,
    writer: ObjectWriter,
    buffer: DeadLetterBuffer,
    runtime: Runtime,
) -> _Reading:
    totals = Totals()
    requested_from = runtime.clock()
    with prefetch(connector.fetch_sales_data(day)) as pages:
        for page in pages:
            if page.number == 1:
                requested_from = min(requested_from, page.as_of)
            writer.write(page_lines(connector, page, day, totals, buffer))
    return _Reading(totals, requested_from)


def page_lines(
    connector: Connector[Any], page: RawPage[Any], day: date, totals: Totals, buffer: DeadLetterBuffer
) -> bytes:
    """The page's lines for the raw zone. Counts them in `totals`; rejected ones go to the buffer."""
    ordinal, normalize = day.toordinal(), connector.normalize
    landing = []
    for row, raw in enumerate(page.rows, 1):
        try:
            normalized = normalize(raw)
            if normalized.sold.number != ordinal:
                raise RejectRecord(RejectReason.WRONG_DATE.value, f"its business date is {normalized.sold.values[0]}")
        except RejectRecord as error:
            _reject(connector, raw, error, f"page {page.number}, row {row}", totals, buffer)
            continue
        landing.append(normalized)
    totals.add(landing)
    return json_lines(landing)


def _reject(
    connector: Connector[Any], raw: Any, error: RejectRecord, position: str, totals: Totals, buffer: DeadLetterBuffer
) -> None:
    payload = connector.payload(raw)
    buffer.add(DeadLetter(error.code, error.reason, position, payload))
    content = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    totals.reject(error.code, f"{position}: {error}", content, connector.readable_amount(raw))


def _check_rejections(
    retailer_id: str, day: date, zone: LandingTarget, totals: Totals, buffer: DeadLetterBuffer, now: datetime
) -> None:
    if totals.rejected <= zone.max_reject_share * totals.fetched:
        return
    origin = Origin(retailer_id, day, "ingest", zone.run_id, None, now)
    with session(zone.dsn, application_name="retail-ingest") as connection, transaction(connection) as cursor:
        dead_letters.record(cursor, buffer.lines(), origin)
    counts = ", ".join(f"{count} {code}" for code, count in totals.reasons.most_common())
    raise StopRun(
        f"{retailer_id} {day}: {totals.rejected} of {totals.fetched} records rejected ({counts}), more than"
        f" {zone.max_reject_share:.0%}. The partition was not replaced. The first one: {totals.example}."
        " See ops.dead_letters; raise INGEST_MAX_REJECT_SHARE to land the rest."
    )


def _write(
    retailer_id: str,
    day: date,
    zone: LandingTarget,
    reading: _Reading,
    report: ControlReport,
    writer: ObjectWriter,
    buffer: DeadLetterBuffer,
    changes: ChangesRead,
    runtime: Runtime,
) -> Manifest:
    with session(zone.dsn, application_name="retail-ingest") as connection, transaction(connection) as cursor:
        # Without the lock, two runs at once could leave the object of one and the manifest of the other.
        lock_in_transaction(cursor, "raw", retailer_id, day)
        now = runtime.clock()
        copies = keep_version(zone.bucket, retailer_id, day, replaced_by=writer.sha256)
        writer.complete()
        rejected_sha256 = _put_rejected(zone.bucket, rejected_key(retailer_id, day), buffer)
        object_key = rejected_key(retailer_id, day) if buffer.count else None
        origin = Origin(retailer_id, day, "ingest", zone.run_id, object_key, now)
        dead_letters.record(cursor, buffer.lines(), origin)
        dead_letters.resolve_others(cursor, origin)
        manifest = _manifest(retailer_id, day, zone, reading, report, writer, rejected_sha256, changes, now)
        zone.bucket.put(manifest_key(retailer_id, day), manifest.model_dump_json(indent=1).encode())
        drop_copies(zone.bucket, copies)
    return manifest


def _put_rejected(bucket: Bucket, key: str, buffer: DeadLetterBuffer) -> str | None:
    """Write the rejected object, or remove it when nothing was rejected. Returns its sha256."""
    if not buffer.count:
        bucket.delete([key])
        return None
    with bucket.writer(key, content_type="application/x-ndjson") as rejected:
        for line in buffer.lines():
            rejected.write(line)
        rejected.complete()
    return rejected.sha256


def _manifest(
    retailer_id: str,
    day: date,
    zone: LandingTarget,
    reading: _Reading,
    report: ControlReport,
    writer: ObjectWriter,
    rejected_sha256: str | None,
    changes: ChangesRead,
    now: datetime,
) -> Manifest:
    totals = reading.totals
    return Manifest(
        retailer_id=retailer_id,
        business_date=day,
        run_id=zone.run_id,
        object_key=raw_key(retailer_id, day),
        sha256=writer.sha256,
        size_bytes=writer.size_bytes,
        fetched=totals.fetched,
        landed=totals.landed,
        rejected=totals.rejected,
        rejected_sha256=rejected_sha256,
        distinct=totals.distinct_landed(),
        amounts=totals.control_amounts(),
        control_report=report,
        window=RequestWindow(
            requested_from=reading.requested_from,
            requested_until=max(now, reading.requested_from),
            changes_since=changes.since,
            changes_until=changes.until,
        ),
        other_dates=changes.other_dates,
        code_version=CODE_VERSION,
        written_at=now,
    )


def _warn_of_unexplained_money(manifest: Manifest, totals: Totals, report: ControlReport) -> None:
    if totals.rejected and (difference := unexplained_money(totals, report)):
        _log.warning(
            "money of rejected records cannot be reconciled",
            retailer_id=manifest.retailer_id,
            business_date=str(manifest.business_date),
            difference=difference,
        )


def _landed(manifest: Manifest, totals: Totals, report: ControlReport, seconds: float) -> LandedDate:
    landed = LandedDate(
        business_date=manifest.business_date,
        reported=report.lines,
        fetched=manifest.fetched,
        landed=manifest.landed,
        rejected=manifest.rejected,
        distinct=manifest.distinct,
        net_amounts={currency: amounts.landed for currency, amounts in manifest.amounts.items()},
        reasons=dict(totals.reasons),
        sha256=manifest.sha256,
        seconds=seconds,
        size_bytes=manifest.size_bytes,
    )
    _log.info("landed", retailer_id=manifest.retailer_id, **landed.as_dict())
    return landed
