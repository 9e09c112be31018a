"""Reads and maps a date of a source, as landing does: python -m tests.fakes.databases.read_date SOURCE DATE.

A process of its own, so that its memory can be measured.
"""

from __future__ import annotations

import sys
from datetime import date

from ingestion.connectors import registry
from ingestion.connectors.protocol import Runtime
from ingestion.landing.listing import reading_listing
from ingestion.landing.verify import find_mismatch
from ingestion.mapping.workspace import workspace
from ingestion.prefetch import prefetch
from shared.config import load_settings


def main(source: str, text: str) -> None:
    """Raises AssertionError if the lines do not agree with the control report."""
    settings, day = load_settings(), date.fromisoformat(text)
    connector, memory_mb = registry.build(source, settings, Runtime()), settings.ingest.memory_mb
    try:
        report = connector.daily_report(day)
        with (
            workspace(memory_mb, threads=1) as duck,
            reading_listing(connector.mapping, day, memory_mb, duck) as listing,
            prefetch(connector.fetch_sales_data(day)) as pages,
        ):
            for page in pages:
                listing.add(page)
            totals, _ = listing.complete()
        assert report is not None
        assert find_mismatch(totals, report) is None
    finally:
        connector.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
