"""What Airflow loads from the folder of plugins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dags.alone import PLUGINS, run_alone

LOADED = """
import json, os, sys

os.environ["AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX"] = sys.argv[1]
from airflow.plugins_manager import _get_plugins, get_import_errors

before = set(sys.modules)
_get_plugins()
print(json.dumps({"modules": sorted(set(sys.modules) - before), "errors": list(get_import_errors())}))
"""


@pytest.mark.parametrize("syntax", ["regexp", "glob"])  # of airflow/plugins/.airflowignore, the same in both
def test_only_the_files_at_the_top_are_loaded_as_plugins(tmp_path: Path, syntax: str) -> None:
    """A module below would be imported a second time under its bare name, in every process and before any task."""
    found = run_alone(LOADED, syntax, tmp_path)
    assert found["errors"] == []
    loaded = set(found["modules"])
    assert {"retail_quality_plugin", "retail_schedule", "retail_warm_start"} <= loaded
    below = {path.stem for path in PLUGINS.glob("*/*.py")}
    assert not loaded & below
    assert not {name for name in loaded if name.partition(".")[0] in ("monitoring", "pipeline")}
