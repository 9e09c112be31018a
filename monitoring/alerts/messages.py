"""What is written to people: the message of an alert, of its end, and of what is no alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring.alerts.links import alert_page

ABOUT = ("retailer_id", "business_date", "dag_id", "task_id", "run_id")
"""What an alert is about, in the order in which a message says it."""


@dataclass(frozen=True)
class AlertMessage:
    """A message for the channels."""

    severity: str
    title: str
    body: str
    key: str = ""
    """What the message is about; an incident tool joins messages of one key."""
    link: str | None = None
    is_good: bool = False
    """Whether it says that something went well or is over."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """The same for programs."""


def opening(row: Mapping[str, Any]) -> AlertMessage:
    """The message of an alert that was raised, from its row."""
    lines = [row["summary"], "", *([row["detail"], ""] if row["detail"] else []), *_about(row)]
    if row["occurrences"] > 1:
        lines.append(f"Met {row['occurrences']} times since {row['first_seen_at']:%Y-%m-%d %H:%M} UTC.")
    if row.get("link"):
        lines.append(f"{'Log' if row['task_id'] else 'Airflow'}: {row['link']}")
    if number := row.get("alert_id"):
        lines.append(f"Take it on: retail alerts ack {number}")
        lines += [f"Everything about it: {page}"] if (page := alert_page(number)) else []
    title = f"[{row['severity'].upper()}] {row['summary']}"
    return AlertMessage(
        row["severity"], title, "\n".join(lines), row["fingerprint"], row.get("link"), facts=_facts(row)
    )


def ending(rows: Sequence[Mapping[str, Any]], by: str) -> AlertMessage:
    """One message for alerts that are over; its severity is that of the gravest, the last of `rows`."""
    gravest = rows[-1]
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    lines = [f"Over: {row['summary']} (alert {row['alert_id']})" for row in reversed(rows)]
    lines += ["", *_about(gravest), f"Resolved by: {by}"]
    facts = {**_facts(gravest), "status": "resolved"}
    title = f"[RESOLVED] {gravest['summary']}{more}"
    link = gravest.get("link")
    return AlertMessage(gravest["severity"], title, "\n".join(lines), gravest["fingerprint"], link, True, facts)


def _about(row: Mapping[str, Any]) -> list[str]:
    names = {"retailer_id": "Retailer", "business_date": "Business date", "dag_id": "DAG", "task_id": "Task"}
    return [f"{names.get(name, 'Run')}: {row[name]}" for name in ABOUT if row.get(name)]


def _facts(row: Mapping[str, Any]) -> dict[str, str]:
    names = ("alert_id", "kind", "severity", "fingerprint", *ABOUT, "link")
    return {name: str(row[name]) for name in names if row.get(name)} | {"status": row.get("status", "open")}
