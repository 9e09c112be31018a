"""Ctrl-C while DuckDB is at work."""

from __future__ import annotations

import pytest
import typer

from cli.etl import _interruptible
from shared.commands import exit_code


def test_a_query_that_was_interrupted_is_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), _interruptible():
        raise RuntimeError("Query interrupted")


def test_what_fails_while_cleaning_up_after_ctrl_c_does_not_hide_it() -> None:
    def clean_up() -> None:
        raise OSError("the connection is busy")

    with pytest.raises(KeyboardInterrupt), _interruptible():
        try:
            raise KeyboardInterrupt
        finally:
            clean_up()


def test_what_is_left_to_do_after_a_publication_is_said_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        interrupted = RuntimeError("Query interrupted")
        interrupted.add_note("Run: x")
        raise interrupted

    with pytest.raises(typer.Exit) as ended, exit_code(), _interruptible():
        interrupt()
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "Interrupted. What was committed is published. Run: x\n"


def test_another_error_stays_itself() -> None:
    with pytest.raises(OSError, match="the disk is full"), _interruptible():
        raise OSError("the disk is full")
