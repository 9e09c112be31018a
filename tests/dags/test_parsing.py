"""What reading the DAG files touches: no network, no database, no project file except code and documentation.

No definition of a source either: the sources of a run are chosen when it runs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.config import PROJECT_ROOT
from tests.dags.alone import IN_A_COPY, run_alone
from tests.dags.conftest import DAG_FILE

DAG_FILES = sorted(DAG_FILE.parent.glob("*.py"))
PARSED_ALONE = (
    IN_A_COPY
    + """
import json, os, runpy, sys, time
import airflow.sdk, airflow.models.dagbag, croniter  # the last one runs `file` when it is imported

opened, connected = [], []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.append(os.path.realpath(arguments[0]))
    elif event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system", "os.exec"):
        connected.append(event)
        raise PermissionError(f"{event} while a DAG file is read")

def parsed(file):
    sys.addaudithook(watch)
    before = set(sys.modules)
    began = time.process_time()
    runpy.run_path(file)
    seconds = time.process_time() - began
    loaded = sorted(set(sys.modules) - before)
    return {"opened": opened, "connected": connected, "loaded": loaded, "seconds": seconds}

print(json.dumps({file: in_a_copy(parsed, file) for file in sys.argv[1].split("|")}))
"""
)
HEAVY = {"boto3", "duckdb", "numpy", "openlineage", "apprise", "obstore", "psycopg2", "pyarrow", "requests"}
STAGES = {"cli", "data_quality", "ingestion", "local_stack", "maintenance", "materialized_views", "transformation"}


@pytest.fixture(scope="session")
def all_parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a fresh process that has imported Airflow did to read each file."""
    return run_alone(PARSED_ALONE, "|".join(map(str, DAG_FILES)), tmp_path_factory.mktemp("home"))


@pytest.fixture(params=DAG_FILES, ids=lambda path: path.stem)
def parsed(request: pytest.FixtureRequest, all_parsed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = all_parsed[str(request.param)]
    return found


def test_reading_a_dag_file_opens_no_connection_and_starts_no_program(parsed: dict[str, Any]) -> None:
    assert parsed["connected"] == []


def test_reading_a_dag_file_opens_no_project_file_except_code_and_documentation(parsed: dict[str, Any]) -> None:
    installed = (str(PROJECT_ROOT / ".venv"), os.path.realpath(PROJECT_ROOT / ".venv"))
    ours = [
        Path(path) for path in parsed["opened"] if path.startswith(str(PROJECT_ROOT)) and not path.startswith(installed)
    ]
    others = [path for path in ours if path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts]
    assert {path.suffix for path in others} <= {".md"}
    assert {path.parent for path in others} <= {DAG_FILE.parent}


def test_reading_a_dag_file_imports_no_stage_and_no_heavy_library(parsed: dict[str, Any]) -> None:
    tops = {name.partition(".")[0] for name in parsed["loaded"]}
    assert not tops & (HEAVY | STAGES)


def test_reading_a_dag_file_imports_little_beyond_airflow(
    parsed: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    """Modules are counted, for the time depends on what else the machine does; half a second is a few hundred."""
    record_property("seconds", parsed["seconds"])
    ours = [name for name in parsed["loaded"] if name.partition(".")[0] in ("shared", *STAGES)]
    assert len(ours) < 40
    assert len(parsed["loaded"]) < 300


def test_a_day_of_any_size_leaves_the_same_few_bytes_in_xcom() -> None:
    """Results of the stages hold counts per retailer, date and currency; no list in them grows with the rows."""
    from ingestion.results import IngestResult, LandedDate, RetailerResult

    def size(rows: int) -> int:
        reasons = {"MISSING_FIELD": rows, "TOTAL_MISMATCH": rows}
        day = time.strptime("2024-01-15", "%Y-%m-%d")
        landed = LandedDate(_date(day), rows, rows, rows, rows, rows, {}, reasons, "0" * 64, 1.0)
        results = tuple(RetailerResult(f"retailer_{number}", (landed,)) for number in (1, 2, 3))
        return len(json.dumps(IngestResult("run", _date(day), results).as_dict()))

    assert size(1_000_000) - size(1) < 200


def _date(day: time.struct_time) -> Any:
    from datetime import date

    return date(day.tm_year, day.tm_mon, day.tm_mday)
