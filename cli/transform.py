"""`retail transform`: the stage's own command, after finishing runs that were killed."""

from __future__ import annotations

from functools import wraps
from typing import Any

from pipeline.finish_runs import finish_killed_runs
from transformation.main import main, transform_date


@wraps(main)
def transform(**options: Any) -> None:
    """Check the arguments, finish those runs, then transform."""
    transform_date(**options, before=finish_killed_runs)
