"""Alerts: kept in ops.alerts, once per cause, told to the channels of ALERT_CHANNELS."""

from __future__ import annotations

from shared.alerts.alerting import announce, raise_alert, resolve_alerts
from shared.alerts.channels import Channel, read_channels
from shared.alerts.messages import Notice
from shared.alerts.model import KINDS, SEVERITIES, Alert

__all__ = [
    "KINDS",
    "SEVERITIES",
    "Alert",
    "Channel",
    "Notice",
    "announce",
    "raise_alert",
    "read_channels",
    "resolve_alerts",
]
