"""What the results of a run's stages mean for its tasks and its retailers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.stages import INGEST, TRANSFORM
from shared.errors import RetryLater, StopRun
from shared.logs import get_logger

log = get_logger(__name__)
StageSummary = dict[str, Any]
"""What a stage did, JSON-able: counts, scores, dates."""
NOT_RETRYABLE = ("FixConfiguration", "StopRun")
"""Kinds of error that a retry of the same call would meet again."""


def decide_outcome(result: StageSummary, *, tries_left: bool) -> StageSummary:
    """What a stage's result means for its task.

    While a failed retailer may still succeed, RetryLater has the task tried again. After the last try, the task
    succeeds with the retailers that were processed, and the last task of the run names the others, and those with a
    date that is held. StopRun fails the task when no retailer was processed, or when a critical check failed.
    """
    if result.get("outcome") == "fail":
        findings = [check["message"] for check in result["checks"] if check["status"] == "fail"]
        raise StopRun("; ".join(findings) + f" For the table: python -m data_quality.main {result['business_date']}")
    parts = result.get("retailers", {})
    failed = {name: part for name, part in parts.items() if part.get("status") == "failed"}
    message = "; ".join(f"{part['error']}" for part in failed.values())
    if tries_left and any(part.get("error_kind") not in NOT_RETRYABLE for part in failed.values()):
        raise RetryLater(message)
    if failed and len(failed) == len(parts):
        raise StopRun(message)
    if not failed:
        return result
    log.error("done without some retailers", missing=sorted(failed), reason=message)
    return result


def published_retailers(loaded: StageSummary) -> list[str]:
    """The retailers of which the transformation has published a date; none when all that was landed is held."""
    return [part["retailer_id"] for part in loaded["retailers"].values() if is_published(part)]


def is_published(part: StageSummary) -> bool:
    """Whether a stage processed a retailer, from its part of the result: at least one of its dates was not held."""
    return bool(part["status"] != "failed" and (part["status"] != "held" or part["partitions"]))


def held_parts(result: StageSummary | None) -> dict[str, StageSummary]:
    """The retailers of which the transformation holds a date, with their parts of its result."""
    parts = (result or {}).get("retailers", {})
    return {name: part for name, part in parts.items() if part["status"] == "held"}


def loaded_retailers(results: Sequence[StageSummary]) -> list[str]:
    """The retailers that a stage processed, from its results. Raises StopRun when there are none."""
    parts = [part for result in results for part in result["retailers"].values()]
    if not (names := [part["retailer_id"] for part in parts if is_published(part)]):
        raise StopRun(f"no retailer was landed, so there is nothing to load. See the logs of {INGEST.task_id}.")
    return names


def missing_retailers(errors: Mapping[str, str | None], transformed: StageSummary | None) -> dict[str, str]:
    """The retailers that a run lacks, with the reason.

    `errors` has ingestion's error for each retailer, `transformed` the result of the transformation.
    """
    loads = (transformed or {}).get("retailers", {})
    missing = {}
    for name, error in errors.items():
        load = loads.get(name, {"status": "failed", "error": f"it was not loaded; see the log of {TRANSFORM.task_id}"})
        if error or load["status"] == "failed":
            missing[name] = error or load["error"]
    return missing
