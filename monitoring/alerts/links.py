"""Addresses of alerts in Airflow's web interface."""

from __future__ import annotations

import os

from shared.urls import page_url


def airflow_address() -> str | None:
    """The address of Airflow's web interface, without a user and without a slash at its end; None if it is not set."""
    return page_url(os.environ.get("AIRFLOW__API__BASE_URL") or os.environ.get("AIRFLOW_URL") or "")


def alert_page(alert_id: int) -> str | None:
    """The alert on the quality page."""
    base = airflow_address()
    return f"{base}/plugin/retail-quality/retail/alerts/{alert_id}" if base else None
