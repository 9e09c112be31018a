"""`retail transform`: the stage's own command, after finishing runs that were killed."""

from __future__ import annotations

from functools import wraps
from typing import Any

from pipeline.finish_runs import finish_killed_runs
from shared.config import load_settings
from shared.errors import RetailError
from transformation.main import main


@wraps(main)
def transform(*arguments: Any, **options: Any) -> None:
    """Finish them, then transform."""
    try:
        settings = load_settings()
    except RetailError:
        settings = None  # the command says what is wrong with them
    if settings:
        finish_killed_runs(settings)
    main(*arguments, **options)
