"""Metrics of a stage: pushed to a Pushgateway at its start and end, if PUSHGATEWAY_URL is set.

A stage ends before Prometheus could scrape it, so it leaves its figures with a gateway. They are gauges about the last
run of a stage, not counters: every run is a new process that does not know the ones before it.

There is one group per stage and retailer, so that a run of one retailer does not change the figures of the others.
Figures are added to the group (POST) and do not replace it: a failed run says when it failed, and keeps what an earlier
run left (scores, counts, the last success). Therefore every push of a metric contains all its series, including zeros.
A business date is never a label, since each would stay for ever.

A gateway that is down, slow or rejects the push costs a run a few seconds at most, and a line in the log.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from monitoring.lineage.runs import PER_RETAILER
from shared.errors import describe_error
from shared.logs import get_logger
from shared.urls import server_of

log = get_logger(__name__)
JOB = "retail_pipeline"
TIMEOUT_SECONDS = 2.0
LAST_TIMEOUT_SECONDS = 5.0
"""At the end of a run: if this push is lost, the run seems to hang."""
ERROR_KINDS = ("RetryLater", "StopRun", "FixConfiguration", "Defect")
"""What ended a run: the groups of `shared/errors.py`, and any other error."""

METRICS: Mapping[str, str] = {
    "retail_stage_started_timestamp_seconds": "When the last run of the stage began.",
    "retail_stage_finished_timestamp_seconds": "When a run of the stage last ended, well or not.",
    "retail_stage_succeeded_timestamp_seconds": "When the stage last ended well.",
    "retail_stage_duration_seconds": "How long the last run of the stage took.",
    "retail_stage_failed": "1 when the last run of the stage failed, 0 when it ended well.",
    "retail_stage_errors": "1 for the kind of error that ended the last run, 0 for the others.",
    "retail_stage_business_date_timestamp_seconds": "Business date of the last run, its midnight in UTC.",
    "retail_fetched_records": "Records received from the retailer by the last run; landed and rejected ones.",
    "retail_landed_records": "Records that the last run wrote to the raw zone.",
    "retail_rejected_records": "Records that the last run rejected, by reason code; reason none is 0 and always there.",
    "retail_loaded_records": "Records of the last load, by what the load did with them.",
    "retail_last_published_date_timestamp_seconds": "Watermark: latest business date published, its midnight in UTC.",
    "retail_quality_score_ratio": "Overall quality score of the last checked date, 0 to 1.",
    "retail_quality_dimension_score_ratio": "Quality score per dimension of the last checked date, 0 to 1.",
    "retail_quality_failed_checks": "Checks below their threshold on the last checked date; retailer all: over all.",
    "retail_views_refreshed": "Materialized views refreshed by the last run.",
    "retail_view_refresh_duration_seconds": "How long the last refresh of a view took.",
    "retail_view_rows": "Rows of a view after its last refresh.",
}
"""Every metric and its meaning, as Prometheus shows it; docs/MONITORING.md has the labels."""

_CHANGES = ("inserted", "updated", "unchanged", "duplicate", "withdrawn")
_SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class StageEvent:
    """The start of a run of a stage: what its metrics are about."""

    stage: str
    business_date: date
    retailers: Sequence[str]
    """The retailers it runs for; empty when it runs for all of them at once."""
    started_at: datetime


@dataclass(frozen=True)
class StageEnd:
    """How a run ended."""

    finished_at: datetime
    failed: bool
    error_kind: str | None
    details: Mapping[str, Any]
    sources: Mapping[str, date | None]
    """The scheduled sources, each with its watermark; empty where a stage does not report them."""


@dataclass
class Group:
    """Metrics that are pushed together, under one grouping key; without samples, those of the key are deleted."""

    key: Mapping[str, str]
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = field(default_factory=dict)

    def add(self, metric: str, value: float, **labels: str) -> None:
        """One series of a metric; every series of a metric has the same labels."""
        self.samples.setdefault(metric, []).append((labels, float(value)))


def enabled() -> bool:
    """Whether there is a Pushgateway to push to."""
    return bool(_gateway())


def _gateway() -> str:
    return os.environ.get("PUSHGATEWAY_URL", "")


def push_started(event: StageEvent) -> None:
    """Say that a run began. Never raises."""
    _push(lambda: started(event), TIMEOUT_SECONDS)


def push_finished(event: StageEvent, end: StageEnd) -> None:
    """Say how a run ended. Never raises."""
    _push(lambda: finished(event, end), LAST_TIMEOUT_SECONDS)


def started(event: StageEvent) -> Iterator[Group]:
    """The groups to push when a run begins. Pure."""
    for _, group in _groups(event):
        group.add("retail_stage_started_timestamp_seconds", event.started_at.timestamp())
        yield group


def finished(event: StageEvent, end: StageEnd) -> Iterator[Group]:
    """The groups to push when a run has ended. Pure."""
    parts = _parts(end.details)
    for retailer_id, group in _groups(event):
        part = parts.get(retailer_id or "", {})
        if retailer_id and part:  # each retailer has its own outcome
            error, kind = bool(part.get("error")), part.get("error_kind") or "Defect"
        else:
            error, kind = end.failed, end.error_kind or "StopRun"
        _describe_run(group, event, end.finished_at, kind if error else None)
        if not error:
            _describe_records(group, part)
        if published := end.sources.get(retailer_id or ""):
            group.add("retail_last_published_date_timestamp_seconds", _midnight(published))
        _describe_quality(group, end)
        _describe_views(group, end.details)
        yield group


def _groups(event: StageEvent) -> Iterator[tuple[str | None, Group]]:
    if not event.retailers:
        yield None, Group({"stage": event.stage})
    for retailer_id in event.retailers:
        yield retailer_id, Group({"stage": event.stage, "retailer": retailer_id})


def _parts(details: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """What a stage's result says per retailer; a file load has one retailer only."""
    if "retailer_id" in details:
        return {str(details["retailer_id"]): details}
    parts = details.get("retailers", details)
    return {name: part for name, part in parts.items() if isinstance(part, Mapping) and "retailer_id" in part}


def _describe_run(group: Group, event: StageEvent, finished_at: datetime, error_kind: str | None) -> None:
    group.add("retail_stage_finished_timestamp_seconds", finished_at.timestamp())
    group.add("retail_stage_duration_seconds", max(0.0, (finished_at - event.started_at).total_seconds()))
    group.add("retail_stage_failed", error_kind is not None)
    group.add("retail_stage_business_date_timestamp_seconds", _midnight(event.business_date))
    for kind in ERROR_KINDS:
        group.add("retail_stage_errors", kind == error_kind, kind=kind)
    if error_kind is None:
        group.add("retail_stage_succeeded_timestamp_seconds", finished_at.timestamp())


def _describe_records(group: Group, part: Mapping[str, Any]) -> None:
    """Sums over the dates of the run: the requested date and the others that changed."""
    dates = part.get("dates")
    if isinstance(dates, Sequence) and dates:  # a rebuild gives only their number
        for name in ("fetched", "landed"):
            group.add(f"retail_{name}_records", sum(each[name] for each in dates))
        reasons = Counter({"none": 0})
        for each in dates:
            reasons.update(each["reasons"])
        for reason, count in sorted(reasons.items()):
            group.add("retail_rejected_records", count, reason=reason)
    loaded = part.get("partitions") or ([part] if "inserted" in part else [])
    if loaded or "partitions" in part:
        for change in _CHANGES:
            group.add("retail_loaded_records", sum(int(each[change]) for each in loaded), change=change)


def _describe_quality(group: Group, end: StageEnd) -> None:
    details = end.details
    if "outcome" not in details:
        return
    group.add("retail_quality_score_ratio", details["score"] / 100)
    for dimension, score in details["dimensions"].items():
        group.add("retail_quality_dimension_score_ratio", score / 100, dimension=dimension)
    counts = Counter({(name, severity): 0 for name in ("all", *end.sources) for severity in _SEVERITIES})
    counts.update((each["retailer_id"] or "all", each["severity"]) for each in details["checks"] if _below(each))
    for (retailer_id, severity), count in sorted(counts.items()):
        group.add("retail_quality_failed_checks", count, retailer=retailer_id, severity=severity)


def _below(check: Mapping[str, Any]) -> bool:
    return check["status"] in ("warn", "fail")


def _describe_views(group: Group, details: Mapping[str, Any]) -> None:
    if "views" not in details:
        return
    group.add("retail_views_refreshed", len(details["views"]))
    for each in details["views"]:
        group.add("retail_view_refresh_duration_seconds", each["seconds"], view=each["view"])
        group.add("retail_view_rows", each["rows"], view=each["view"])


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def delete_groups(retailers: Sequence[str]) -> None:
    """Delete what the gateway holds of retailers that are not read any more. Never raises."""
    groups = [Group({"stage": stage, "retailer": name}) for name in retailers for stage in PER_RETAILER]
    if groups:
        _push(lambda: groups, TIMEOUT_SECONDS)


def _push(groups: Callable[[], Iterable[Group]], timeout_seconds: float) -> None:
    if not (url := _gateway()):
        return
    try:
        import prometheus_client  # noqa: F401 - here, so that on a busy machine loading it is not taken for slowness
    except ImportError as error:
        log.warning("metrics not pushed; the run continues", gateway=_place(url), error=str(error))
        return
    # In a thread that may be abandoned: a timeout of urllib limits each read, but neither the look-up of a name nor a
    # response that arrives byte by byte.
    worker = threading.Thread(target=_send, args=(url, groups), name="push-metrics", daemon=True)
    worker.start()
    worker.join(timeout_seconds)
    if worker.is_alive():
        log.warning(
            "metrics not pushed in time; the run continues", gateway=_place(url), waited_seconds=timeout_seconds
        )


def _send(url: str, groups: Callable[[], Iterable[Group]]) -> None:
    from prometheus_client import CollectorRegistry, Gauge, delete_from_gateway, pushadd_to_gateway

    try:
        for group in groups():
            if not group.samples:
                delete_from_gateway(url, JOB, dict(group.key), timeout=TIMEOUT_SECONDS)
                continue
            registry = CollectorRegistry()
            for metric, series in group.samples.items():
                gauge = Gauge(metric, METRICS[metric], list(series[0][0]), registry=registry)
                for labels, value in series:
                    (gauge.labels(**labels) if labels else gauge).set(value)
            pushadd_to_gateway(url, JOB, registry, dict(group.key), timeout=TIMEOUT_SECONDS)
    except Exception as error:  # noqa: BLE001 - monitoring never costs a run
        log.warning("metrics not pushed; the run continues", gateway=_place(url), error=describe_error(error))


def _place(url: str) -> str:
    """Host and port, for messages; PUSHGATEWAY_URL may be without its scheme."""
    return server_of(url if "//" in url else f"//{url}")
