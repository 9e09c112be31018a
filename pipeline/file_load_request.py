"""A request to load files, as `retail etl` makes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion.landing.overlap_policy import Overlap

Progress = Callable[[str, str, float], None]
"""Called with the stage, its present step, and the share of the stage that is done."""


@dataclass(frozen=True)
class FileLoadRequest:
    """What to load, and how."""

    sources: Sequence[str]
    layout: str | None = None
    """None: the known layout whose columns the files have."""
    overlap: Overlap = Overlap.STOP
    retailer_id: str | None = None
    job_name: str | None = None
    max_reject_share: float | None = None
    """None: INGEST_MAX_REJECT_SHARE."""
    max_reject_amount_share: float | None = None
    """None: INGEST_MAX_REJECT_AMOUNT_SHARE."""
    report_directory: Path | None = None
    """Where the quality report goes; None for no report."""
    allow_low_quality: bool = False
    """Publish also a file that misses a threshold of its quality report."""
    refresh: bool = True
    fetched_from: str | None = None
    """Where the only file was dropped, if `sources` names a copy of it."""
    raises_alert: bool = True
    """Raise and resolve the alert of a load that fails; False where the caller does."""
    dry_run: bool = False
