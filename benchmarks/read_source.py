"""Reads a date of a source on one core, as landing does, and prints the cost: python -m benchmarks.read_source ID DATE.

A process of its own, so that its memory can be measured. What is landed is written to a temporary file, and not sent.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import orjson

from ingestion.connectors import registry
from ingestion.connectors.drops.connect import open_place
from ingestion.connectors.files.read_files import read_files
from ingestion.connectors.protocol import Runtime
from ingestion.landing.listing import reading_listing
from ingestion.landing.serialise import record_texts
from ingestion.landing.verify import find_mismatch
from ingestion.mapping.layouts import mapping_of
from ingestion.mapping.workspace import workspace
from ingestion.prefetch import prefetch, reduced_gc
from shared.config import Settings, load_settings
from shared.scratch import scratch_directory
from shared.sources.connection import FILES


@contextmanager
def landed_date(source: str, day: date, settings: Settings) -> Iterator[tuple[int, Path]]:
    """The number of landed records and their lines. Raises ValueError if they differ from the control report."""
    connector, memory_mb = registry.build(source, settings, Runtime()), settings.ingest.memory_mb
    try:
        report = connector.daily_report(day)
        with (
            reduced_gc(),
            workspace(memory_mb, threads=1) as duck,
            reading_listing(connector.mapping, day, memory_mb, duck) as listing,
            prefetch(connector.fetch_sales_data(day)) as pages,
        ):
            for page in pages:
                listing.add(page)
            totals, text = listing.complete()
            if totals.rejected or (report and find_mismatch(totals, report)):
                raise ValueError(f"{source}: the benchmark's own rows were rejected, or differ from their report")
            assert isinstance(text.body, Path)  # noqa: S101 - a listing is always in a file
            yield totals.landed, text.body
    finally:
        connector.close()


@contextmanager
def landed_file(source: str, settings: Settings) -> Iterator[tuple[int, Path]]:
    """The same of the one file in the location of a source of files."""
    mapping = mapping_of(settings.sources.definitions[source])
    with (
        open_place(source, settings.sources, lambda: settings.s3) as place,
        scratch_directory() as directory,
        workspace(threads=1) as duck,
    ):
        [file] = place.list()
        fetched = place.fetch(file, directory)
        read = read_files([str(fetched)], mapping, duck, retailer_id=source, max_reject_share=0)
        lines = directory / "lines.json"
        with lines.open("wb") as out:
            for text, _ in record_texts(duck.cursor(), "SELECT * FROM landed_records", frozenset(), "line_id"):
                out.write(text)
        yield read.landed, lines


def main(source: str, text: str) -> None:
    """Read, then parse the landed lines as NDJSON for comparison, and print the costs of both."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    settings = load_settings()
    is_files = settings.sources.definitions[source].connector == FILES
    started, used = time.perf_counter(), time.process_time()
    with (
        landed_file(source, settings) if is_files else landed_date(source, date.fromisoformat(text), settings) as (
            records,
            lines,
        )
    ):
        cost = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - used}
        used = time.process_time()
        with lines.open("rb") as file:
            parsed = sum(1 for line in file if orjson.loads(line))
        ndjson = time.process_time() - used
    if parsed != records:
        raise ValueError(f"{source}: {records} records, but {parsed} lines")
    print(json.dumps({**cost, "records": records, "ndjson_seconds": ndjson}))  # noqa: T201 - for benchmarks.connectors


if __name__ == "__main__":
    main(*sys.argv[1:])
