"""Landed partitions that fail a critical check: their control report names more lines than were landed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from threading import Event, Thread
from typing import Any

import psycopg2

from ingestion.models.retailer_data import SalesRecord
from shared.partitions import ControlReport, Manifest, manifest_key
from tests.fakes.raw_zone import DAY, RawZone


def land_too_few(zone: RawZone, *records: SalesRecord, day: date = DAY, **options: Any) -> Manifest:
    """Land records of which the retailer's own report has one more."""
    manifest = zone.land(records, day=day, **options)
    reported = manifest.control_report
    report = ControlReport(lines=manifest.distinct + 1, net=reported.net if reported else {})
    failing = manifest.model_copy(update={"control_report": report})
    zone.put("raw", manifest_key(manifest.retailer_id, day), failing.model_dump_json().encode())
    return failing


@contextmanager
def polling_reader(dsn: str, query: str) -> Iterator[set[tuple[Any, ...]]]:
    """A session of its own that runs the query all the time; the block gets every row that it has seen."""
    seen: set[tuple[Any, ...]] = set()
    ends, polled = Event(), Event()

    def poll() -> None:
        connection = psycopg2.connect(dsn, application_name="polling reader")
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not ends.is_set():
                cursor.execute(query)
                seen.update(cursor.fetchall())
                polled.set()
        connection.close()

    thread = Thread(target=poll)
    thread.start()
    try:
        assert polled.wait(30)
        yield seen
    finally:
        ends.set()
        thread.join()
