"""Every command of the documents, typed in the order in which it stands, in a copy of this checkout.

README and QUICKSTART begin with nothing running. The others begin as they say: the platform is up, the shell has
`.local/env` and `.venv/bin` on its PATH. The convention of the fences is in tests/documentation/documents.py.
"""

from __future__ import annotations

import shlex
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from shared.config import PROJECT_ROOT
from tests.documentation.documents import RUN_IN_THIS_ORDER, Fence, fences
from tests.end_to_end.checkout import Checkout

FROM_NOTHING = ("README.md", "docs/QUICKSTART.md")
"""Documents that start the platform themselves, and whose queries must find rows."""
LONGEST_FENCE_SECONDS = 900
SHOWN_LINES = 60

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(2400)]


class Shell:
    """One person's shell: exported variables and the working directory last from fence to fence."""

    def __init__(self, checkout: Checkout, memory: Path) -> None:
        self._environment = checkout.environment()
        self._variables, self._directory, self._output = (
            memory / name for name in ("variables", "directory", "output")
        )
        self._variables.write_text("", encoding="utf-8")
        self._directory.write_text(str(checkout.root), encoding="utf-8")

    def type(self, text: str) -> tuple[int, str]:
        """Exit status and the end of the output."""
        directory = self._directory.read_text(encoding="utf-8").strip()
        before = f". {shlex.quote(str(self._variables))}\ncd {shlex.quote(directory)}"
        after = f"export -p > {shlex.quote(str(self._variables))}\npwd > {shlex.quote(str(self._directory))}"
        with self._output.open("wb") as output:
            # To a file: what a command leaves running may hold on to a pipe.
            done = subprocess.run(
                ["bash", "-c", f"set -eo pipefail\n{before}\n{text}\n{after}\n"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=LONGEST_FENCE_SECONDS,
            )
        said = self._output.read_text(encoding="utf-8", errors="replace").splitlines()
        return done.returncode, "\n".join(said[-SHOWN_LINES:])


@pytest.fixture(scope="module")
def prepared(checkout: Checkout) -> Checkout:
    """The files of this checkout as they are now, with its installed libraries and nothing else."""
    (checkout.root / ".venv").symlink_to(PROJECT_ROOT / ".venv", target_is_directory=True)
    return checkout


@pytest.mark.parametrize("name", RUN_IN_THIS_ORDER)
def test_every_command_of_a_document_does_what_it_says(name: str, prepared: Checkout, tmp_path: Path) -> None:
    todo = [fence for fence in fences(name) if fence.is_executable and not fence.not_run]
    if not todo:
        pytest.skip(f"{name} has no commands to run")
    shell = Shell(prepared, tmp_path)
    if name not in FROM_NOTHING:
        status, said = shell.type('make up\nsource .local/env\nexport PATH="$PWD/.venv/bin:$PATH"')
        assert status == 0, said
    for fence in todo:
        if fence.language == "sql":
            rows = query(prepared.root, fence)
            assert rows or name not in FROM_NOTHING, f"{fence.place} finds no rows"
        else:
            status, said = shell.type(fence.text)
            assert status == fence.exit_status, f"{fence.place} ends with {status}:\n{fence.text}\n{said}"


def query(root: Path, fence: Fence) -> int:
    """Run a query as the reader; how many rows it finds."""
    lines = (root / ".local" / "env").read_text(encoding="utf-8").splitlines()
    prefix = "export WAREHOUSE_READER_DSN="
    dsn = shlex.split(next(line for line in lines if line.startswith(prefix)).removeprefix(prefix))[0]
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        try:
            cursor.execute(fence.text)
        except psycopg2.Error as error:
            pytest.fail(f"{fence.place}: {error}")
        return int(cursor.rowcount)
