"""Directories that are for their owner alone, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.directories import make_directory


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_level_that_was_missing_is_for_its_owner_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_directory(tmp_path / "a" / "b" / "c")
    made = (tmp_path, tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c")
    assert [mode(each) for each in made] == [0o755, 0o700, 0o700, 0o700]


def test_another_mode_is_that_of_every_level_and_what_exists_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o750)
    make_directory(tmp_path / "a" / "b" / "c", 0o755)
    make_directory(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / each) for each in ("a", "a/b", "a/b/c")] == [0o750, 0o755, 0o755]


def test_a_relative_path_is_made_where_the_process_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_directory(Path("a/b"))
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700


@pytest.mark.parametrize("below", ["file", "file/a", "dangling"])
def test_a_file_or_a_dangling_link_in_the_way_is_an_error(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        make_directory(tmp_path / below)
