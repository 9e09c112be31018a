"""Names that users rely on, and the house rules that a machine can check."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.config import PROJECT_ROOT

FIXED_FILES = [
    "airflow/dags/retail_pipeline_dag.py",
    "database/init/01_create_schema.sql",
    "database/init/02_create_materialized_views.sql",
    "ingestion/main.py",
    "ingestion/models/retailer_data.py",
    "ingestion/services/retailer1_service.py",
    "ingestion/services/retailer2_service.py",
    "ingestion/services/retailer3_service.py",
    "transformation/main.py",
    "transformation/processors/star_schema_processor.py",
    "data_quality/main.py",
    "data_quality/quality_checks.py",
    "materialized_views/refresh_views.py",
    "shared/database.py",
    "shared/s3_client.py",
    "scripts/generate_env.py",
    "scripts/check_pipeline_health.sh",
    "retailers/retailer1/api/app.py",
    "retailers/retailer1/database/init_schema.sql",
    "retailers/retailer2/api/app.py",
    "retailers/retailer2/database/init_schema.sql",
    "retailers/retailer3/api/app.py",
    "retailers/retailer3/database/init_schema.sql",
    "docs/RETAILERS.md",
    "docs/ARCHITECTURE.md",
    "docs/TROUBLESHOOTING.md",
    "docs/QUICKSTART.md",
    "docs/MATERIALIZED_VIEWS.md",
    "Makefile",
    "requirements.txt",
    "README.md",
]
STAGES = ("ingestion", "transformation", "data_quality", "materialized_views", "maintenance")
PACKAGES = ("shared", "monitoring", *STAGES, "pipeline", "cli")
SOURCES = (*PACKAGES, "local_stack", "retailers", "scripts", "benchmarks", "airflow")


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((PROJECT_ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("name", FIXED_FILES)
def test_a_file_with_a_fixed_name_is_in_its_place(name: str) -> None:
    assert (PROJECT_ROOT / name).is_file()


def test_the_pipeline_and_its_stages_do_not_import_airflow() -> None:
    importing = [
        str(path.relative_to(PROJECT_ROOT))
        for path in modules(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
        if name.partition(".")[0] == "airflow"
    ]
    assert importing == []


@pytest.mark.parametrize("folder", ["airflow", "docker"])
def test_folders_named_like_libraries_stay_no_packages(folder: str) -> None:
    assert not (PROJECT_ROOT / folder / "__init__.py").exists()


def test_no_module_grows_beyond_what_one_can_hold_in_mind() -> None:
    too_long = {
        str(path.relative_to(PROJECT_ROOT)): lines
        for path in modules(*SOURCES)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert too_long == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    too_long = {}
    for path in modules(*SOURCES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                start = node.body[1].lineno if ast.get_docstring(node) and len(node.body) > 1 else node.body[0].lineno
                if node.end_lineno - start + 1 > 40:
                    too_long[f"{path.relative_to(PROJECT_ROOT)}:{node.name}"] = node.end_lineno - start + 1
    assert too_long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [path for path in modules(*SOURCES) if vague & {path.stem, path.parent.name}] == []


def test_every_sql_file_begins_with_what_it_is_about() -> None:
    without_header = [
        path.relative_to(PROJECT_ROOT)
        for folder in (*PACKAGES, "database", "retailers")
        for path in (PROJECT_ROOT / folder).rglob("*.sql")
        if not path.read_text(encoding="utf-8").startswith("--")
    ]
    assert without_header == []


def test_an_import_across_stages_is_named_by_the_linter(tmp_path: Path) -> None:
    for folder in (*PACKAGES, "local_stack", "retailers", "airflow/plugins"):
        for path in modules(folder):
            copy = tmp_path / path.relative_to(PROJECT_ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((PROJECT_ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "transformation" / "planted.py").write_text("import ingestion.main\n", encoding="utf-8")
    linter = PROJECT_ROOT / ".venv" / "bin" / "lint-imports"
    found = subprocess.run(
        [str(linter), "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "airflow" / "plugins")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert found.returncode == 1
    assert "transformation.planted -> ingestion.main" in found.stdout
