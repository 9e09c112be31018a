"""A user who adds a source as docs/SOURCES.md shows finds the tests as green as before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.config import PROJECT_ROOT
from tests.documentation.documents import fences
from tests.project_files import project_files

READ_DEFINITIONS = (
    "tests/documentation/test_settings.py::test_every_variable_that_is_used_is_in_the_registry",
    "tests/unit/cli/test_configuration.py::test_a_setting_is_shown_with_its_origin",
    "tests/unit/health/test_findings.py",
    "tests/unit/scripts/test_generate_env.py",
    "tests/unit/scripts/test_sources_env.py",
    "tests/unit/shared/sources/test_reading.py::test_the_schema_for_editors_is_the_present_one_and_agrees_with_the_reader",
    "tests/unit/shared/sources/test_variables.py",
    "tests/unit/shared/test_config.py",
)
"""Tests without a server that read the definitions in sources/, or a program that reads them."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this one with the source of docs/SOURCES.md and its two variables added."""
    for name in project_files():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_ROOT / name, target)
    definition = next(each.text for each in fences("docs/SOURCES.md") if each.language == "yaml")
    enabled = definition.replace("enabled: false\n", "")
    (tmp_path / "sources" / "outlet_shop.yaml").write_text(enabled, encoding="utf-8")
    (tmp_path / ".env").write_text("OUTLET_SHOP_URL=http://localhost:5004\nOUTLET_SHOP_KEY=k3y\n", encoding="utf-8")
    return tmp_path


@pytest.mark.long
def test_the_tests_pass_with_a_source_that_a_user_added(checkout: Path) -> None:
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", *READ_DEFINITIONS],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout[-3000:] + tests.stderr[-3000:]
