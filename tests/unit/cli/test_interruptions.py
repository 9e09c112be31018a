"""Ctrl-C while DuckDB is at work."""

from __future__ import annotations

import pytest

from cli.etl import _interruptible


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


def test_another_error_stays_itself() -> None:
    with pytest.raises(OSError, match="the disk is full"), _interruptible():
        raise OSError("the disk is full")
