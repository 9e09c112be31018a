"""Imports the libraries of the stages once, in the scheduler: every task is a fork of it and finds them imported.

The stages themselves are not imported, so that the next task uses an edited stage without a restart.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

LIBRARIES = (
    "boto3",
    "duckdb",
    "numpy",
    "obstore.store",
    "orjson",
    "psycopg2.extras",
    "psycopg2.sql",
    "pyarrow.parquet",
    "pybreaker",
    "pyrate_limiter",
    "requests",
    "typer.rich_utils",
)


class WarmStart:
    """Listens for the start of Airflow's components."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        """Import the libraries when the scheduler starts; the component does not know its own job yet."""
        if "scheduler" in sys.argv[1:2]:
            for name in LIBRARIES:
                import_module(name)


class RetailWarmStartPlugin(AirflowPlugin):
    """Registers the listener."""

    name = "retail_warm_start"
    listeners = [WarmStart()]  # noqa: RUF012
