"""What Airflow loads from the folder of plugins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dags.alone import IN_A_COPY, PLUGINS, run_alone

LOADED = (
    IN_A_COPY
    + """
import json, os, sys

from airflow.plugins_manager import _get_plugins, get_import_errors

def loaded(syntax):
    os.environ["AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX"] = syntax
    before = set(sys.modules)
    _get_plugins()
    return {"modules": sorted(set(sys.modules) - before), "errors": list(get_import_errors())}

print(json.dumps({syntax: in_a_copy(loaded, syntax) for syntax in sys.argv[1].split()}))
"""
)


@pytest.mark.long
def test_only_the_files_at_the_top_are_loaded_as_plugins(tmp_path: Path) -> None:
    """A module below would be imported a second time under its bare name, in every process and before any task."""
    below = {path.stem for path in PLUGINS.glob("*/*.py")}
    found = run_alone(LOADED, "regexp glob", tmp_path)  # airflow/plugins/.airflowignore is the same in both
    assert len(found) == 2
    for each in found.values():
        assert each["errors"] == []
        loaded = set(each["modules"])
        assert {"retail_quality_plugin", "retail_schedule", "retail_warm_start"} <= loaded
        assert not loaded & below
        assert not {name for name in loaded if name.partition(".")[0] in ("monitoring", "pipeline")}
