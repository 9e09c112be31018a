"""A command that could not record what it does says why, and does nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import typer

from local_stack.__main__ import _polite
from local_stack.errors import StackError, check_writable, not_writable
from local_stack.state import only_one


def error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))


def test_a_directory_of_ones_own_is_not_called_another_users(tmp_path: Path) -> None:
    said = not_writable(error(errno.EACCES, tmp_path / "state.json"))
    assert said is not None
    assert said.startswith(f"{tmp_path}/state.json may not be written (Permission denied), although it is yours. Run: ")


def test_a_directory_of_another_user_is_called_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    said = not_writable(error(errno.EACCES, tmp_path / "credentials.json"))
    assert said is not None
    assert "credentials.json belongs to another user, who ran the platform here before" in said


def test_a_file_system_that_may_only_be_read_and_a_full_one_are_called_that(tmp_path: Path) -> None:
    assert "may only be read. Mount it" in str(not_writable(error(errno.EROFS, tmp_path)))
    assert "No space left on device" in str(not_writable(error(errno.ENOSPC, tmp_path)))
    assert not_writable(error(errno.ECONNRESET, tmp_path)) is None


@pytest.mark.parametrize("flag", [0, os.ST_RDONLY])
def test_nothing_is_stopped_when_the_record_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: int
) -> None:
    class Status:
        f_flag = flag

    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(os, "statvfs", lambda path: Status)
    began = False
    with (
        pytest.raises(StackError, match=r"Nothing was started or stopped\.") as raised,
        only_one(tmp_path / "lock", what="down"),
    ):
        began = True
    assert not began
    assert ("may only be read" if flag else "although it is yours") in str(raised.value)
    monkeypatch.undo()
    check_writable(tmp_path)


def test_it_is_one_line_without_a_stack_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, _polite():
        raise error(errno.EROFS, tmp_path)
    assert ended.value.exit_code == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
