from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.config import PROJECT_ROOT

DAG_FILE = PROJECT_ROOT / "airflow" / "dags" / "retail_pipeline_dag.py"


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Airflow reads and writes its home when it is imported, so it gets one of its own before that."""
    home = tmp_path_factory.mktemp("airflow")
    before = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_")}
    for name in before:
        del os.environ[name]
    ours = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__PLUGINS_FOLDER": str(DAG_FILE.parents[1] / "plugins")}
    os.environ.update(ours)
    yield home
    for name in ours:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def dag_bag(airflow_home: Path) -> Any:
    """All DAGs of the project, read by Airflow itself; needs no database."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAG_FILE.parent))


@pytest.fixture
def dag(dag_bag: Any) -> Any:
    """The pipeline."""
    assert dag_bag.import_errors == {}
    return dag_bag.dags["retail_data_pipeline"]
