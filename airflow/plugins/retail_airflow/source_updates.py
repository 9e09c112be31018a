"""Sources of files as Airflow tasks: which are due, and the load of one of them.

Airflow and the pipeline are imported inside the functions only, so that reading this module costs nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from retail_airflow.tasks import fail_without_retry, skip
from shared.config import load_settings
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun


def choose_due_sources() -> list[str]:
    """The sources of files that are due now; the task is skipped, with those after it, when none is."""
    from pipeline.due_sources import due_sources

    try:
        sources = due_sources(load_settings(), datetime.now(UTC))
    except RetailError as error:
        if isinstance(error, FixConfiguration | StopRun):
            fail_without_retry(str(error))
        raise
    if not sources:
        skip("No source of files is due. See: retail sources list")
    return sources


def load_source(source_id: str) -> dict[str, Any]:
    """Load the new files of a source. The task fails when a file was rejected; no retry would help there."""
    from pipeline.file_drops import DropBusy, DropRequest, load_drops
    from shared.commands import new_run_id

    try:
        result = load_drops(DropRequest(source_id, new_run_id("files")), load_settings())
    except DropBusy as error:
        skip(str(error))
    except RetailError as error:
        if isinstance(error, FixConfiguration | StopRun):
            fail_without_retry(str(error))
        raise
    if result.stopped:
        raise RetryLater(result.describe_problems())
    if not result.ok:
        fail_without_retry(result.describe_problems(), alerted=not result.problems)
    return result.as_dict()
