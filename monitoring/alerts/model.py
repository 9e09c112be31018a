"""What an alert is, and when two alerts have the same cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

SEVERITIES = ("info", "warning", "error", "critical")
"""From the lowest to the highest."""

KINDS = {
    "task_failed": ("dag_id", "task_id", "retailer_id", "business_date"),
    "run_failed": ("dag_id", "business_date"),
    "run_late": ("dag_id", "business_date"),
    "missing_data": ("retailer_id", "business_date"),
    "quality_violation": ("retailer_id", "business_date"),
    "load_held": ("retailer_id", "business_date"),
    "reconciliation": ("retailer_id", "business_date"),
    "source_clock": ("retailer_id",),
    "schema_changed": ("retailer_id",),
    "test": (),
}
"""Each kind, with the fields that identify its cause. Never the run: the next run has the same cause."""


def rank(severity: str) -> int:
    """Its place among the severities; ValueError for another word."""
    return SEVERITIES.index(severity)


@dataclass(frozen=True)
class Alert:
    """A problem that an operator has to look at until it is solved."""

    kind: str
    severity: str
    summary: str
    """What happened, one line."""
    detail: str = ""
    """The reason, and what to do."""
    business_date: date | None = None
    retailer_id: str | None = None
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    link: str | None = None
    """A page of Airflow that shows it."""
    fingerprint: str = field(init=False, compare=False)
    """What makes two alerts the same cause."""

    def __post_init__(self) -> None:
        """Reject what the table would reject."""
        if self.kind not in KINDS or self.severity not in SEVERITIES:
            raise ValueError(f"an alert of kind {self.kind!r} and severity {self.severity!r}")
        parts = [self.kind, *(str(getattr(self, name) or "-") for name in KINDS[self.kind])]
        object.__setattr__(self, "fingerprint", "/".join(parts))
