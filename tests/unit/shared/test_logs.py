"""Logging that is set up once works for as long as the process does."""

from __future__ import annotations

import io
import sys

import pytest

from shared.logs import configure_logging, get_logger


def test_a_line_goes_to_the_standard_error_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    log = get_logger("test")
    monkeypatch.setattr(sys, "stderr", first)
    configure_logging("INFO", "console")
    log.info("one")
    monkeypatch.setattr(sys, "stderr", second)
    first.close()

    log.info("two", run_id="r")

    assert "two" in second.getvalue() and "run_id" in second.getvalue()
    assert "one" not in second.getvalue()
