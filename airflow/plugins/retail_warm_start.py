"""Has the scheduler import what the stages are built on, once: every task is a fork of it and finds it there.

Not the stages themselves: the next task uses a stage as it was edited, without a restart.
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
        """Import, when it is the scheduler that starts; what its job is, is not yet known to the component."""
        if "scheduler" in sys.argv[1:2]:
            for name in LIBRARIES:
                import_module(name)
            _read_what_s3_can_do()


def _read_what_s3_can_do() -> None:
    """The description that the AWS library reads for its first client; connects to nothing."""
    import boto3

    boto3.client("s3", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106


class RetailWarmStartPlugin(AirflowPlugin):
    """Registers the listener."""

    name = "retail_warm_start"
    listeners = [WarmStart()]  # noqa: RUF012
