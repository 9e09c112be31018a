"""The text of messages: an alert, its resolution, and announcements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring.alerts.links import alert_page

ABOUT = ("retailer_id", "business_date", "dag_id", "task_id", "run_id")
"""What an alert is about, in the order of the message."""


@dataclass(frozen=True)
class AlertMessage:
    """A message for the channels."""

    severity: str
    title: str
    body: str
    key: str = ""
    """What the message is about; an incident tool groups messages by this key."""
    link: str | None = None
    is_good: bool = False
    """Whether it reports a success or a resolution."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """The same for programs."""


def opening(row: Mapping[str, Any]) -> AlertMessage:
    """The message of an alert that was raised, from its row."""
    lines = [row["summary"], "", *([row["detail"], ""] if row["detail"] else []), *_about(row)]
    if row["occurrences"] > 1:
        lines.append(f"Occurred {row['occurrences']} times since {row['first_seen_at']:%Y-%m-%d %H:%M} UTC.")
    if row.get("link"):
        lines.append(f"{'Log' if row['task_id'] else 'Airflow'}: {row['link']}")
    if number := row.get("alert_id"):
        lines.append(f"Acknowledge it: retail alerts ack {number}")
        lines += [f"Details: {page}"] if (page := alert_page(number)) else []
    title = f"[{row['severity'].upper()}] {row['summary']}"
    return AlertMessage(
        row["severity"], title, "\n".join(lines), row["fingerprint"], row.get("link"), facts=_facts(row)
    )


def ending(rows: Sequence[Mapping[str, Any]], by: str) -> AlertMessage:
    """One message for resolved alerts; its severity is that of the most severe one, the last of `rows`."""
    most_severe = rows[-1]
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    lines = [f"Resolved: {row['summary']} (alert {row['alert_id']})" for row in reversed(rows)]
    lines += ["", *_about(most_severe), f"Resolved by: {by}"]
    facts = {**_facts(most_severe), "status": "resolved"}
    title = f"[RESOLVED] {most_severe['summary']}{more}"
    link = most_severe.get("link")
    return AlertMessage(most_severe["severity"], title, "\n".join(lines), most_severe["fingerprint"], link, True, facts)


def _about(row: Mapping[str, Any]) -> list[str]:
    names = {"retailer_id": "Retailer", "business_date": "Business date", "dag_id": "DAG", "task_id": "Task"}
    return [f"{names.get(name, 'Run')}: {row[name]}" for name in ABOUT if row.get(name)]


def _facts(row: Mapping[str, Any]) -> dict[str, str]:
    names = ("alert_id", "kind", "severity", "fingerprint", *ABOUT, "link")
    return {name: str(row[name]) for name in names if row.get(name)} | {"status": row.get("status", "open")}
