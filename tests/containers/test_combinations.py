"""Every combination of the overrides in docker/compose/ that users may choose."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, combinations

import pytest

from shared.config import PROJECT_ROOT
from tests.containers.conftest import MakeProject
from tests.containers.engine import Engine
from tests.containers.project import Project

OVERRIDES = PROJECT_ROOT / "docker" / "compose"


@pytest.fixture(scope="module")
def unbuilt(make_project: MakeProject) -> Iterator[dict[bool, Project]]:
    """A project with its settings, nothing built, and one whose secrets are in files."""
    with make_project() as plain, make_project() as hidden:
        hidden.script("generate_env.py", "--secret-files")
        yield {False: plain, True: hidden}


def file_lists() -> Iterator[list[str]]:
    """Every combination of overrides, each with the files `a-b.yml` that go with both a and b."""
    single = sorted(path.stem for path in OVERRIDES.glob("*.yml") if "-" not in path.stem)
    both = sorted(path.stem for path in OVERRIDES.glob("*.yml") if "-" in path.stem)
    for chosen in chain.from_iterable(combinations(single, count) for count in range(len(single) + 1)):
        joint = [name for name in both if set(name.split("-")) <= set(chosen)]
        yield ["docker-compose.yml", *(f"docker/compose/{name}.yml" for name in (*chosen, *joint))]


def test_every_combination_of_compose_files_is_understood_without_a_warning(
    engine: Engine, unbuilt: dict[bool, Project]
) -> None:
    def complaint(files: list[str]) -> str:
        project = unbuilt[any("secrets" in name for name in files)]
        command = [*engine.compose, *(part for name in files for part in ("-f", name)), "config", "-q"]
        done = subprocess.run(
            command,
            cwd=project.directory,
            env=project.shell(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return f"{done.returncode} {done.stderr}" if done.returncode or done.stderr else ""

    lists = list(file_lists())
    with ThreadPoolExecutor() as pool:
        complaints = zip(lists, pool.map(complaint, lists), strict=True)
    assert {" ".join(files): said for files, said in complaints if said} == {}
