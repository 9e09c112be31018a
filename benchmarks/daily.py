"""Transforms one business date of three retailers, in this process."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import transformation.main
from benchmarks.process_watch import Cost, watched
from benchmarks.results import Timing
from benchmarks.stack import LoadTarget, Stack
from benchmarks.vendor_pages import RETAILERS, pages, read_pages
from ingestion.landing.verify import Totals
from shared.partitions import ControlReport, Manifest, RequestWindow, manifest_key, raw_key
from shared.s3_client import Bucket
from shared.version import CODE_VERSION

LINES = 5_000
"""Records of one retailer."""
FIRST_DAY = date(2024, 1, 15)


def days_into_empty(stack: Stack, repetitions: int, progress: Callable[[str], None]) -> Timing:
    """The same date into a new empty warehouse each time; the first time is not counted."""
    timing = Timing(rows=LINES * len(RETAILERS))
    for repetition in range(repetitions + 1):
        progress(f"one day into an empty warehouse, {repetition} of {repetitions}")
        with stack.target() as target:
            land(target, FIRST_DAY)
            cost = _transform(stack, target, FIRST_DAY)
        if repetition:
            timing.costs.append(cost)
    return timing


def days_on_top(
    stack: Stack, target: LoadTarget, repetitions: int, progress: Callable[[str], None], first: date = FIRST_DAY
) -> tuple[Timing, Timing]:
    """Load new dates, one after the other, into a warehouse with much data; then one of them again, unchanged.

    The first date is not counted: its customers are new to the warehouse, those of the other dates are known.
    """
    new, again = (Timing(rows=LINES * len(RETAILERS)) for _ in range(2))
    for ahead in range(repetitions + 1):
        progress(f"one day on top, {ahead} of {repetitions}")
        day = first + timedelta(days=ahead)
        land(target, day)
        cost = _transform(stack, target, day)
        if ahead:
            new.costs.append(cost)
    for _ in range(repetitions):
        again.costs.append(_transform(stack, target, first))
    return new, again


def land(target: LoadTarget, day: date) -> None:
    """Put the raw partitions of a date where ingestion would put them."""
    bucket = Bucket(target.settings.s3, target.settings.s3.bucket_raw)
    for number, retailer_id in enumerate(RETAILERS, 1):
        lines = bytearray()
        totals = read_pages(number, pages(number, LINES, day), day, lines.extend)
        bucket.put(raw_key(retailer_id, day), bytes(lines))
        manifest = _manifest(retailer_id, day, totals, bytes(lines))
        bucket.put(manifest_key(retailer_id, day), manifest.model_dump_json().encode())


def _manifest(retailer_id: str, day: date, totals: Totals, lines: bytes) -> Manifest:
    now = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
    return Manifest(
        retailer_id=retailer_id,
        business_date=day,
        run_id="bench",
        object_key=raw_key(retailer_id, day),
        sha256=hashlib.sha256(lines).hexdigest(),
        size_bytes=len(lines),
        fetched=totals.fetched,
        landed=totals.landed,
        rejected=0,
        distinct=totals.contents.distinct,
        amounts=totals.contents.amounts,
        control_report=ControlReport(lines=totals.distinct, net=dict(totals.distinct_amounts)),
        window=RequestWindow(requested_from=now, requested_until=now),
        other_dates=(),
        code_version=CODE_VERSION,
        written_at=now,
    )


def _transform(stack: Stack, target: LoadTarget, day: date) -> Cost:
    stack.settle()
    gc.collect()
    with watched(stack.servers(target)) as cost:
        result = transformation.main.run(day, RETAILERS, settings=target.settings, run_id=f"bench-{day}")
    if not result.ok:
        raise RuntimeError("; ".join(load.error or "" for load in result.failed))
    return cost
