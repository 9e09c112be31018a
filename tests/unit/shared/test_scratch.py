from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from shared.config import PROJECT_ROOT
from shared.scratch import remove_abandoned, remove_older, scratch_directory
from tests.project_files import project_files

WORKING = """
import sys
from pathlib import Path
from shared.scratch import scratch_directory
with scratch_directory(*map(Path, sys.argv[1:])) as directory:
    (directory / "folder").mkdir()
    (directory / "folder" / "spilled").write_bytes(bytes(1000))
    print(directory, flush=True)
    sys.stdin.read()
"""


@contextmanager
def working(temporary: Path, *arguments: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that uses a temporary folder, and the folder. The process is killed at the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKING, *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_the_next_process_removes_what_a_killed_one_left_and_nothing_of_one_that_lives(tmp_path: Path) -> None:
    with working(tmp_path) as (_, alive), working(tmp_path) as (process, killed):
        assert sorted(tmp_path.iterdir()) == sorted([alive, killed])
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (killed / "folder" / "spilled").exists()

        with working(tmp_path) as (_, third):
            assert sorted(tmp_path.iterdir()) == sorted([alive, third])
            assert (alive / "folder" / "spilled").exists()


def test_a_process_that_ends_by_itself_leaves_nothing(tmp_path: Path) -> None:
    with working(tmp_path) as (process, _):
        process.communicate()
        assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_can_be_elsewhere_than_the_temporary_files(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with working(tmp_path, elsewhere) as (_, killed):
        assert killed.parent == elsewhere
    assert remove_abandoned(elsewhere) == [str(killed)]


def test_what_is_not_a_temporary_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "file").touch()
    (tmp_path / "retail-scratch-link").symlink_to("target")
    (tmp_path / "retail-scratch-file").touch()
    (tmp_path / "other").mkdir()

    assert remove_abandoned(tmp_path) == []
    assert (tmp_path / "target" / "file").exists()


def test_folders_of_older_versions_are_removed_when_nothing_was_written_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, used, other = (tmp_path / name for name in ("retail-work-old", "retail-work-used", "work-other"))
    for folder in (old, used, other):
        (folder / "below").mkdir(parents=True)
        (folder / "below" / "file").touch()
        for each in (folder / "below" / "file", folder / "below", folder):
            os.utime(each, (1_000, 1_000))
    os.utime(used / "below" / "file", (3_000, 3_000))
    (tmp_path / "retail-work-link").symlink_to(other)

    assert remove_older(datetime.fromtimestamp(2_000, UTC)) == [str(old)]
    assert (used / "below" / "file").exists()
    assert (other / "below" / "file").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_stays(tmp_path: Path) -> None:
    (tmp_path / "retail-scratch-theirs").mkdir()
    os.chown(tmp_path / "retail-scratch-theirs", 65534, 65534)

    assert remove_abandoned(tmp_path) == []


def test_a_folder_is_never_removed_between_its_creation_and_its_first_use(tmp_path: Path) -> None:
    ended = Event()

    def remove() -> None:
        while not ended.is_set():
            remove_abandoned(tmp_path)

    removing = Thread(target=remove)
    removing.start()
    try:
        for _ in range(200):
            with scratch_directory(tmp_path) as directory:
                (directory / "file").touch()
    finally:
        ended.set()
        removing.join()
    assert list(tmp_path.iterdir()) == []


MAKES_ONE: Callable[[str], object] = re.compile(
    r"\b(mkdtemp|mkstemp|mktemp|NamedTemporaryFile|TemporaryDirectory)\("
).search
EXEMPT = {
    "shared/scratch.py",
    "scripts/environment_file/text.py",  # next to the file that it replaces in one step
    "benchmarks/dlt_load.py",  # runs in an environment of its own, on a measured minute
}


def test_every_temporary_file_with_a_name_is_in_such_a_folder() -> None:
    programs = [name for name in project_files() if name.endswith(".py") and not name.startswith("tests/")]
    makers = {name for name in programs if MAKES_ONE((PROJECT_ROOT / name).read_text(encoding="utf-8"))}
    assert makers <= EXEMPT
