"""Lands a date of the sources and prints as JSON how it ended: python -m tests.hostile.landing DATE watermark SOURCE…

A process of its own, so that its memory can be measured. FREE_BYTES: so much is free on its disk.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from ingestion.connectors.protocol import Runtime
from ingestion.main import run
from shared.config import load_settings
from shared.logs import configure_logging


def peak_mib() -> float:
    """The most memory that this process held, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


def main(day: str, since_watermark: str, *sources: str) -> None:
    """Land, and print."""
    configure_logging()
    waits: list[float] = []
    runtime = Runtime(sleep=waits.append)
    if free := os.environ.get("FREE_BYTES"):
        runtime = replace(runtime, free_bytes=lambda _: int(free))
    started = time.monotonic()
    result = run(
        date.fromisoformat(day),
        sources,
        settings=load_settings(),
        run_id="hostile",
        since_watermark=since_watermark == "yes",
        runtime=runtime,
    )
    ended = {
        "retailers": result.as_dict()["retailers"],
        "seconds": time.monotonic() - started,
        "longest_wait": max(waits, default=0.0),
        "peak_mib": peak_mib(),
    }
    sys.stdout.write(json.dumps(ended))


if __name__ == "__main__":
    main(*sys.argv[1:])
