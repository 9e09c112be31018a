"""docs/CLI.md is what the commands say of themselves."""

from __future__ import annotations

import subprocess
import sys

from cli.command_list import COMMANDS
from shared.config import PROJECT_ROOT


def test_the_reference_is_what_the_commands_say_of_themselves() -> None:
    written = (PROJECT_ROOT / "docs" / "CLI.md").read_text(encoding="utf-8")
    said = subprocess.run(
        [sys.executable, "-m", "cli.reference"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert written == said, "Write it again: .venv/bin/python -m cli.reference > docs/CLI.md"


def test_every_command_is_in_the_reference() -> None:
    written = (PROJECT_ROOT / "docs" / "CLI.md").read_text(encoding="utf-8")
    assert [entry.name for entry in COMMANDS if entry.is_there() and f"### retail {entry.name}\n" not in written] == []
