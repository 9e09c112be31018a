"""Installed as a package, away from the checkout, `retail` explains itself, reads its files and makes the schema."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from shared.config import PROJECT_ROOT
from shared.version import CODE_VERSION

pytestmark = pytest.mark.long
READ_AT_RUN_TIME = {".sql", ".toml", ".yaml", ".j2"}
PACKAGES = (
    *("cli", "data_quality", "database", "ingestion", "maintenance", "materialized_views", "monitoring", "pipeline"),
    *("scripts", "shared", "transformation"),
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(
            PROJECT_ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    shutil.copy(PROJECT_ROOT / "pyproject.toml", folder / "source")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(folder)]
    built = subprocess.run([*command, str(folder / "source")], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`retail` in a separate environment, which uses the libraries of this one but not the checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    done = subprocess.run([*command, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    site = next((folder / "lib").glob("python*/site-packages"))
    ours = next((PROJECT_ROOT / ".venv" / "lib").glob("python*/site-packages"))
    (site / "borrowed.pth").write_text(f"{ours}\n", encoding="utf-8")
    return folder / "bin" / "retail"


def run(retail: Path, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(retail), *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "COLUMNS": "160", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_wheel_holds_every_file_that_the_code_reads(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(PROJECT_ROOT))
        for name in PACKAGES
        for path in (PROJECT_ROOT / name).rglob("*")
        if path.suffix in READ_AT_RUN_TIME | {".py"}
    }
    assert wanted - held == set()
    assert not any(name.startswith(("tests/", "retailers/", "local_stack/", "airflow/")) for name in held)


def test_the_installed_command_explains_itself(installed: Path, tmp_path: Path) -> None:
    assert run(installed, "--version", cwd=tmp_path).stdout == f"retail {CODE_VERSION}\n"
    shown = run(installed, "--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    for name in ("run", "ingest", "transform", "quality", "refresh", "ledger", "migrate", "health"):
        assert f"│ {name} " in shown.stdout
    for name in ("run", "health"):  # between them they import every package
        assert run(installed, name, "--help", cwd=tmp_path).returncode == 0


def test_the_installed_command_makes_the_schema(installed: Path, tmp_path: Path, database: str) -> None:
    done = run(installed, "migrate", cwd=tmp_path, WAREHOUSE_OWNER_DSN=database)
    assert (done.returncode, done.stderr) == (0, "")
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.fact_sales') IS NOT NULL")
        assert cursor.fetchone() == (True,)


def test_the_installed_command_reads_the_settings_of_its_folder(installed: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("S3_BUCKET_RAW=from-here\n", encoding="utf-8")
    assert "from-here" in run(installed, "config", "check", cwd=tmp_path).stdout


def test_what_needs_the_checkout_says_so(installed: Path, tmp_path: Path) -> None:
    done: Any = run(installed, "up", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "In the checkout run: make up" in done.stderr


def test_an_installed_layout_and_rule_are_found(installed: Path, tmp_path: Path) -> None:
    assert "online_retail" in run(installed, "layouts", "list", cwd=tmp_path).stdout
    assert "NEGATIVE_PRICE" in run(installed, "rules", cwd=tmp_path).stdout
