"""Where the log of a command goes: to a file, or to standard error on request."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from shared import logs
from shared.config import PROJECT_ROOT
from shared.logs import configure_logging, get_logger, log_files


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test leaves the process's logging as it was."""
    for name in ("LOG_LEVEL", "LOG_FORMAT", "RETAIL_LOG_FILE"):
        monkeypatch.delenv(name, raising=False)
    root, level, configured = logging.getLogger(), logging.getLogger().level, structlog.get_config()
    handlers = list(root.handlers)
    root.handlers.clear()
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


def test_by_default_the_log_goes_to_the_file_and_nothing_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "deep" / "retail.log"))
    configure_logging()
    get_logger("test").info("landed", retailer_id="retailer_1")
    assert "retailer_id=retailer_1" in (tmp_path / "deep" / "retail.log").read_text(encoding="utf-8")
    assert capsys.readouterr().err == ""


def test_warnings_are_in_the_file_and_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "retail.log"))
    configure_logging()
    get_logger("test").warning("listing read again")
    assert "listing read again" in (tmp_path / "retail.log").read_text(encoding="utf-8")
    assert "listing read again" in capsys.readouterr().err


def test_with_a_log_level_the_log_goes_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "retail.log"))
    monkeypatch.setenv("LOG_LEVEL", "warning")
    monkeypatch.setenv("LOG_FORMAT", "json")
    configure_logging()
    get_logger("test").info("not shown")
    get_logger("test").warning("slow", seconds=3)
    (line,) = capsys.readouterr().err.splitlines()
    assert (json.loads(line)["event"], json.loads(line)["seconds"]) == ("slow", 3)
    assert not (tmp_path / "retail.log").exists()


def test_the_stream_is_the_one_of_the_time_when_a_line_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    configure_logging("INFO", "json")
    first.close()
    get_logger("test").info("lost, without an error")
    monkeypatch.setattr(sys, "stderr", second)
    get_logger("test").info("written")
    assert json.loads(second.getvalue())["event"] == "written"


def test_a_log_file_that_cannot_be_written_is_replaced_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "file" / "retail.log"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    configure_logging()
    get_logger("test").info("kept")
    assert "kept" in (tmp_path / "state" / "retail" / "retail.log").read_text(encoding="utf-8")


def test_without_any_writable_place_a_command_still_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr(logs, "log_files", lambda environ: [tmp_path / "file" / "retail.log"])
    configure_logging()
    get_logger("test").info("dropped")
    assert capsys.readouterr().err == ""


def test_a_large_log_file_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 10)
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "retail.log"))
    (tmp_path / "retail.log").write_text("x" * 11, encoding="utf-8")
    configure_logging()
    get_logger("test").info("new")
    assert (tmp_path / "retail.log.1").read_text(encoding="utf-8") == "x" * 11
    assert "new" in (tmp_path / "retail.log").read_text(encoding="utf-8")


def test_only_the_owner_can_read_a_new_log_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "logs" / "of-june" / "retail.log"))
    before = os.umask(0)
    try:
        configure_logging()
    finally:
        os.umask(before)
    modes = [(tmp_path / each).stat().st_mode & 0o777 for each in ("logs", "logs/of-june", "logs/of-june/retail.log")]
    assert modes == [0o700, 0o700, 0o600]


def test_a_link_or_a_file_that_others_planted_in_a_shared_folder_gets_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, target = tmp_path / "shared", tmp_path / "target"
    shared.mkdir()
    shared.chmod(0o1777)
    target.touch()
    (shared / "retail.log").symlink_to(target)
    monkeypatch.setenv("RETAIL_LOG_FILE", str(shared / "retail.log"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    configure_logging()
    get_logger("test").info("private")
    (shared / "retail.log").unlink()
    (shared / "retail.log").touch()
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: os.getuid() + 1)
        configure_logging()
        get_logger("test").info("private")
    assert target.read_text(encoding="utf-8") == (shared / "retail.log").read_text(encoding="utf-8") == ""
    assert (tmp_path / "state" / "retail" / "retail.log").read_text(encoding="utf-8").count("private") == 2


def test_a_log_file_below_an_unknown_home_directory_is_left_out() -> None:
    assert next(log_files({"RETAIL_LOG_FILE": "~no-such-user/retail.log", "XDG_STATE_HOME": "/state"})) == Path(
        "/state/retail/retail.log"
    )


def test_a_checkout_keeps_its_log_with_those_of_its_platform() -> None:
    assert next(log_files({})) == PROJECT_ROOT / ".local" / "logs" / "retail.log"
    assert next(log_files({"RETAIL_LOG_FILE": "/var/log/retail.log"})) == Path("/var/log/retail.log")


def test_a_pipe_that_nobody_reads_is_passed_over_for_the_next_log_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "pipe"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    configure_logging()
    get_logger("test").info("an event")
    assert "an event" in (tmp_path / "retail" / "retail.log").read_text(encoding="utf-8")


def test_credentials_of_urls_are_masked_in_fields_and_tracebacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "retail.log"))
    configure_logging(form="json")
    try:
        raise ValueError("http://user:s3cret@host/?token=s3cret")
    except ValueError:
        get_logger("test").exception("failed", url="http://user:s3cret@host")
    log = (tmp_path / "retail.log").read_text(encoding="utf-8")
    assert "s3cret" not in log
    assert json.loads(log.splitlines()[0])["url"] == "http://***@host"


def test_a_long_text_is_cut_and_the_record_stays_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "retail.log"))
    configure_logging(form="json")
    get_logger("test").warning("failed", reason="x" * 1_000_000, many=["y" * 10] * 100_000)
    logging.getLogger("a library").warning("z" * 1_000_000)
    first, second = (tmp_path / "retail.log").read_text(encoding="utf-8").splitlines()
    assert len(first) <= 200_000
    assert len(second) == 200_000
    get_logger("test").warning("failed", reason="x" * 1_000_000)
    last = (tmp_path / "retail.log").read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(last)["reason"] == "x" * 19_999 + "\u2026"


def test_a_closed_standard_error_does_not_fail_the_work_that_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETAIL_LOG_FILE", str(tmp_path / "retail.log"))
    configure_logging()
    monkeypatch.setattr(sys, "stderr", None)
    get_logger("test").warning("said")
    assert "said" in (tmp_path / "retail.log").read_text(encoding="utf-8")


def test_no_place_for_temporary_files_is_not_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(logs, "gettempdir", full)
    chosen = {"RETAIL_LOG_FILE": str(tmp_path / "a"), "XDG_STATE_HOME": str(tmp_path)}
    assert next(log_files(chosen)) == tmp_path / "a"
    assert len(list(log_files(chosen))) == 2
