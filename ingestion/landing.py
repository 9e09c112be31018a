"""One retailer's business date into the raw zone: replaced as a whole, or left as it was.

A listing is streamed into an upload that nobody sees yet. Only when it agrees with the retailer's own books and not too
much of it was refused is it sealed: data, then refused records, then the manifest, under a lock of this partition.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from ingestion.models.reject_reasons import RejectReason
from ingestion.normalizers.assembly import json_lines
from ingestion.reading_ahead import reading_ahead
from ingestion.reconciliation import Tally, mismatch, money_unexplained
from ingestion.results import LandedDate
from ingestion.services.contract import ListingChanged, RetailerService, SalesPage, Surroundings
from shared import dead_letters
from shared.database import lock_in_transaction, session, transaction
from shared.dead_letters import DeadLetter, DeadLetterSpool, Origin
from shared.errors import RejectRecord, RetryLater, StopRun
from shared.logs import get_logger
from shared.partitions import Manifest, RequestWindow, SourceReport, manifest_key, raw_key, rejected_key
from shared.s3_client import ObjectStore, ObjectWriter
from shared.version import CODE_VERSION

_log = get_logger(__name__)
_LISTINGS = 4
"""Readings of a listing that does not hold still, the first included."""
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class RawZone:
    """Where partitions are landed, and by which run."""

    store: ObjectStore
    bucket: str
    dsn: str
    run_id: str
    max_reject_share: float


@dataclass(frozen=True)
class ChangesRead:
    """What the day's manifest says of the change listing and of the dates landed beside it."""

    since: datetime | None = None
    until: datetime | None = None
    companions: tuple[date, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """A listing that was read to its end."""

    tally: Tally
    asked_from: datetime


def land(
    service: RetailerService[Any],
    day: date,
    zone: RawZone,
    surroundings: Surroundings,
    changes: ChangesRead = ChangesRead(),
) -> LandedDate:
    """Land `day` of one retailer.

    Raises RetryLater when the listing never agreed with the books, StopRun when too many records were refused.
    In both cases the partition stays as it was.
    """
    started = surroundings.monotonic()
    problem = ""
    for attempt in range(_LISTINGS):
        if attempt:
            _log.warning("listing read again", retailer_id=service.retailer_id, business_date=str(day), reason=problem)
            surroundings.sleep(_PAUSE_SECONDS * attempt)
        report = service.daily_report(day)
        key = raw_key(service.retailer_id, day)
        with zone.store.writer(zone.bucket, key) as writer, DeadLetterSpool() as spool:
            try:
                reading = _read(service, day, writer, spool, surroundings)
            except ListingChanged as error:
                problem = str(error)
                continue
            if mismatch(reading.tally, report):
                report = service.daily_report(day)  # the books may have moved on while the listing was read
            if found := mismatch(reading.tally, report):
                problem = found
                continue
            _check_refusals(service.retailer_id, day, zone, reading.tally, spool, surroundings.clock())
            manifest = _seal(service.retailer_id, day, zone, reading, report, writer, spool, changes, surroundings)
            _warn_of_unexplained_money(manifest, reading.tally, report)
            return _landed(manifest, reading.tally, report, surroundings.monotonic() - started)
    raise RetryLater(
        f"{service.retailer_id} {day}: after {_LISTINGS} readings {problem}. The partition was not replaced."
        f" Run again later: python -m ingestion.main {day} --retailer {service.retailer_id}"
    )


def _read(
    service: RetailerService[Any],
    day: date,
    writer: ObjectWriter,
    spool: DeadLetterSpool,
    surroundings: Surroundings,
) -> _Reading:
    tally = Tally()
    asked_from = surroundings.clock()
    with reading_ahead(service.fetch_sales_data(day)) as pages:
        for page in pages:
            if page.number == 1:
                asked_from = min(asked_from, page.as_of)
            writer.write(page_lines(service, page, day, tally, spool))
    return _Reading(tally, asked_from)


def page_lines(
    service: RetailerService[Any], page: SalesPage[Any], day: date, tally: Tally, spool: DeadLetterSpool
) -> bytes:
    """The page's lines of the raw zone; what they hold is counted, what is refused goes to the spool."""
    ordinal, normalize = day.toordinal(), service.normalize
    landing = []
    for row, raw in enumerate(page.rows, 1):
        try:
            normalized = normalize(raw)
            if normalized.sold.number != ordinal:
                raise RejectRecord(RejectReason.WRONG_DATE.value, f"its business date is {normalized.sold.values[0]}")
        except RejectRecord as error:
            _refuse(service, raw, error, f"page {page.number}, row {row}", tally, spool)
            continue
        landing.append(normalized)
    tally.add(landing)
    return json_lines(landing)


def _refuse(
    service: RetailerService[Any], raw: Any, error: RejectRecord, position: str, tally: Tally, spool: DeadLetterSpool
) -> None:
    payload = service.payload(raw)
    spool.add(DeadLetter(error.code, error.reason, position, payload))
    content = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    tally.refuse(error.code, f"{position}: {error}", content, service.readable_amount(raw))


def _check_refusals(
    retailer_id: str, day: date, zone: RawZone, tally: Tally, spool: DeadLetterSpool, now: datetime
) -> None:
    if tally.rejected <= zone.max_reject_share * tally.fetched:
        return
    origin = Origin(retailer_id, day, "ingest", zone.run_id, None, now)
    with session(zone.dsn, application_name="retail-ingest") as connection, transaction(connection) as cursor:
        dead_letters.record(cursor, spool.lines(), origin)
    counts = ", ".join(f"{count} {code}" for code, count in tally.reasons.most_common())
    raise StopRun(
        f"{retailer_id} {day}: {tally.rejected} of {tally.fetched} records refused ({counts}), more than"
        f" {zone.max_reject_share:.0%}. The partition was not replaced. For example {tally.example}."
        " See ops.dead_letters; raise INGEST_MAX_REJECT_SHARE to land the rest."
    )


def _seal(
    retailer_id: str,
    day: date,
    zone: RawZone,
    reading: _Reading,
    report: SourceReport,
    writer: ObjectWriter,
    spool: DeadLetterSpool,
    changes: ChangesRead,
    surroundings: Surroundings,
) -> Manifest:
    writer.flush()
    refused_key = rejected_key(retailer_id, day)
    with session(zone.dsn, application_name="retail-ingest") as connection, transaction(connection) as cursor:
        # Two runs at once would otherwise leave the object of one and the manifest of the other.
        lock_in_transaction(cursor, "raw", retailer_id, day)
        now = surroundings.clock()
        manifest = _manifest(retailer_id, day, zone, reading, report, writer, changes, now)
        writer.complete()
        if spool.count:
            with zone.store.writer(zone.bucket, refused_key, content_type="application/x-ndjson") as refused:
                for line in spool.lines():
                    refused.write(line)
                refused.complete()
        else:
            zone.store.delete(zone.bucket, refused_key)
        origin = Origin(retailer_id, day, "ingest", zone.run_id, refused_key if spool.count else None, now)
        dead_letters.record(cursor, spool.lines(), origin)
        dead_letters.resolve_others(cursor, origin)
        zone.store.put(zone.bucket, manifest_key(retailer_id, day), manifest.model_dump_json(indent=1).encode())
    return manifest


def _manifest(
    retailer_id: str,
    day: date,
    zone: RawZone,
    reading: _Reading,
    report: SourceReport,
    writer: ObjectWriter,
    changes: ChangesRead,
    now: datetime,
) -> Manifest:
    tally = reading.tally
    return Manifest(
        retailer_id=retailer_id,
        business_date=day,
        run_id=zone.run_id,
        object_key=raw_key(retailer_id, day),
        sha256=writer.sha256,
        size_bytes=writer.size_bytes,
        fetched=tally.fetched,
        landed=tally.landed,
        rejected=tally.rejected,
        distinct=tally.distinct_landed(),
        amounts=tally.control_amounts(),
        source_report=report,
        window=RequestWindow(
            requested_from=reading.asked_from,
            requested_until=max(now, reading.asked_from),
            changes_since=changes.since,
            changes_until=changes.until,
        ),
        companions=changes.companions,
        code_version=CODE_VERSION,
        written_at=now,
    )


def _warn_of_unexplained_money(manifest: Manifest, tally: Tally, report: SourceReport) -> None:
    if tally.rejected and (difference := money_unexplained(tally, report)):
        _log.warning(
            "money of refused records cannot be reconciled",
            retailer_id=manifest.retailer_id,
            business_date=str(manifest.business_date),
            difference=difference,
        )


def _landed(manifest: Manifest, tally: Tally, report: SourceReport, seconds: float) -> LandedDate:
    landed = LandedDate(
        business_date=manifest.business_date,
        reported=report.lines,
        fetched=manifest.fetched,
        landed=manifest.landed,
        rejected=manifest.rejected,
        distinct=manifest.distinct,
        net_amounts={currency: amounts.landed for currency, amounts in manifest.amounts.items()},
        reasons=dict(tally.reasons),
        sha256=manifest.sha256,
        seconds=seconds,
        size_bytes=manifest.size_bytes,
    )
    _log.info("landed", retailer_id=manifest.retailer_id, **landed.as_dict())
    return landed
