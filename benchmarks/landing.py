"""Measures the complete ingestion command for one retailer's day against its real API, S3 and PostgreSQL."""

from __future__ import annotations

import json
import os
import sys
from datetime import date

from benchmarks.process_watch import run_command
from benchmarks.results import Timing
from benchmarks.stack import Stack
from shared.config import PROJECT_ROOT
from tests.fakes.vendors import running_vendor

DAY = date(2024, 1, 15)
LINES = 100_000


def landings(stack: Stack, number: int, repetitions: int) -> Timing:
    """`python -m ingestion.main` for a day of about 100,000 lines. The first run generates them and is not counted."""
    timing, database = Timing(), f"retailer_{number}"
    database_url = stack.server.create_database(database)
    try:
        made_up = {"RETAILER_LINES_PER_DAY": str(LINES), "RETAILER_TODAY": "2024-02-01"}
        with stack.target() as target, running_vendor(number, database_url, made_up) as vendor:
            command = [sys.executable, "-m", "ingestion.main", str(DAY), "--retailer", vendor.retailer_id, "--json"]
            environment = {
                **target.environment,
                **vendor.environment,
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(PROJECT_ROOT),
            }
            for repetition in range(repetitions + 1):
                stack.settle()
                cost = run_command(command, environment, stack.servers(target))
                landed = json.loads(cost.output)["retailers"][vendor.retailer_id]["dates"][0]
                cost.output, timing.rows = "", int(landed["landed"])
                if repetition:
                    timing.costs.append(cost)
    finally:
        stack.server.drop_database(database)
    return timing
