"""`scripts/setup_venv.py` installs `retail` next to the environment's Python."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import setup_venv
from shared.config import PROJECT_ROOT
from shared.version import CODE_VERSION


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command goes: a folder with a blank and a quote in its name, far down."""
    folder = tmp_path / "it's a folder" / ("deep" * 30) / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    monkeypatch.setattr(setup_venv, "PYTHON", sys.executable)
    monkeypatch.setattr(setup_venv, "COMMAND", str(folder / "retail"))
    return folder / "retail"


def test_the_command_runs_the_checkout_from_any_folder(command: Path, tmp_path: Path) -> None:
    setup_venv.write_command()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("raise SystemExit('the wrong one')", encoding="utf-8")
    shown = subprocess.run([str(command), "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, f"retail {CODE_VERSION}\n", "")


def test_a_command_that_is_as_it_should_be_is_left_alone(command: Path) -> None:
    setup_venv.write_command()
    before = command.stat()
    setup_venv.write_command()
    now = command.stat()  # it has been read, so the time of the last access may be another
    assert (now.st_ino, now.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    command.write_text("something else", encoding="utf-8")
    setup_venv.write_command()
    assert command.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert command.stat().st_mode & 0o111
    assert [path.name for path in command.parent.iterdir() if path.name.startswith("retail")] == ["retail"]


def test_a_python_in_a_folder_with_blanks_is_found(
    tmp_path: Path, command: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "a 'python'"
    odd.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    odd.chmod(0o755)
    monkeypatch.setattr(setup_venv, "PYTHON", str(odd))
    setup_venv.write_command()
    shown = subprocess.run([str(command), "--version"], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")


def test_it_can_be_read_by_an_old_python() -> None:
    source = (PROJECT_ROOT / "scripts" / "setup_venv.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 8))
