"""What Airflow loads from the folder of plugins."""

from __future__ import annotations

from pathlib import Path

from tests.dags.alone import PLUGINS, run_alone

LOADED = """
import json, sys
from airflow.plugins_manager import _get_plugins

before = set(sys.modules)
_get_plugins()
print(json.dumps({"modules": sorted(set(sys.modules) - before)}))
"""


def test_only_the_files_at_the_top_are_loaded_as_plugins(tmp_path: Path) -> None:
    """A module below would be imported a second time under its bare name, in every process and before any task."""
    loaded = set(run_alone(LOADED, "", tmp_path)["modules"])
    assert {"retail_quality_plugin", "retail_schedule", "retail_warm_start"} <= loaded
    below = {path.stem for path in PLUGINS.glob("*/*.py")}
    assert not loaded & below
    assert not {name for name in loaded if name.partition(".")[0] in ("monitoring", "pipeline")}
