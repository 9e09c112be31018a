"""Alerts: kept in ops.alerts, once per cause, and sent to the channels of ALERT_CHANNELS."""

from __future__ import annotations

from monitoring.alerts.alerting import announce, raise_alert, resolve_alerts
from monitoring.alerts.channels import Channel, read_channels
from monitoring.alerts.messages import AlertMessage
from monitoring.alerts.model import KINDS, SEVERITIES, Alert

__all__ = [
    "KINDS",
    "SEVERITIES",
    "Alert",
    "AlertMessage",
    "Channel",
    "announce",
    "raise_alert",
    "read_channels",
    "resolve_alerts",
]
