"""Every command of the documents about containers, typed in the order of the document."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config import PROJECT_ROOT
from tests.containers.project import Project
from tests.documentation.documents import RUN_IN_CONTAINERS, fences
from tests.end_to_end.shell import Shell


@pytest.mark.parametrize("name", RUN_IN_CONTAINERS)
def test_every_command_of_the_document_does_what_it_says(name: str, platform: Project, tmp_path: Path) -> None:
    shell = Shell(platform.directory, {**platform.shell(), "PATH": _path(platform, tmp_path)}, tmp_path)
    installed = platform.directory / ".venv"
    if not installed.exists():
        installed.symlink_to(PROJECT_ROOT / ".venv", target_is_directory=True)
    for fence in fences(name):
        if fence.is_executable and not fence.not_run:
            platform.say(f"{fence.place}: {fence.text.splitlines()[0]}")
            status, said = shell.type(fence.text)
            assert status == fence.exit_status, f"{fence.place} ends with {status}:\n{fence.text}\n{said}"


def _path(platform: Project, directory: Path) -> str:
    """The shell's PATH, with a `docker-compose` where the engine has only `docker compose`."""
    path = platform.shell()["PATH"]
    if platform.engine.compose[0] == "docker-compose":
        return path
    substitute = directory / "docker-compose"
    substitute.write_text(f'#!/bin/sh\nexec {" ".join(platform.engine.compose)} "$@"\n', encoding="utf-8")
    substitute.chmod(0o755)
    return f"{directory}:{path}"
