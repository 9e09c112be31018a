"""Every command of the documents, typed in the order of the document, in a copy of this checkout.

README and QUICKSTART start with nothing running. The others start as they say: the platform is up, and the shell has
`.local/env` and `.venv/bin` on its PATH. tests/documentation/documents.py describes the fences.
"""

from __future__ import annotations

import shlex
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from shared.config import PROJECT_ROOT
from tests.documentation.documents import RUN_IN_THIS_ORDER, Fence, fences
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.shell import Shell

FROM_NOTHING = ("README.md", "docs/QUICKSTART.md")
"""Documents that start the platform themselves."""
WITH_ROWS = (*FROM_NOTHING, "docs/TUTORIAL_FIRST_SOURCE.md")
"""Documents whose queries must return rows."""

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def prepared(checkout: Checkout) -> Checkout:
    """The files of this checkout as they are now, with its installed libraries and nothing else."""
    (checkout.root / ".venv").symlink_to(PROJECT_ROOT / ".venv", target_is_directory=True)
    return checkout


@pytest.mark.parametrize("name", RUN_IN_THIS_ORDER)
def test_every_command_of_a_document_does_what_it_says(name: str, prepared: Checkout, tmp_path: Path) -> None:
    todo = [fence for fence in fences(name) if fence.is_executable and not fence.not_run]
    assert todo, f"{name} has no commands to run"
    shell = Shell(prepared.root, prepared.environment(), tmp_path)
    if name not in FROM_NOTHING:
        status, said = shell.type('make up\nsource .local/env\nexport PATH="$PWD/.venv/bin:$PATH"')
        assert status == 0, said
    for fence in todo:
        if fence.language == "sql":
            rows = query(prepared.root, fence)
            assert rows or name not in WITH_ROWS, f"{fence.place} returns no rows"
        else:
            status, said = shell.type(fence.text)
            assert status == fence.exit_status, f"{fence.place} exits with {status}:\n{fence.text}\n{said}"


def query(root: Path, fence: Fence) -> int:
    """Run a query as the reader. Returns the number of rows."""
    lines = (root / ".local" / "env").read_text(encoding="utf-8").splitlines()
    prefix = "export WAREHOUSE_READER_DSN="
    dsn = shlex.split(next(line for line in lines if line.startswith(prefix)).removeprefix(prefix))[0]
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        try:
            cursor.execute(fence.text)
        except psycopg2.Error as error:
            pytest.fail(f"{fence.place}: {error}")
        return int(cursor.rowcount)
