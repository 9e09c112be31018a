"""Users' mistakes and odd terminals end in one line that says what to do, never in an internal error."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pytest
import typer

from cli import main
from ingestion.connectors.files.sources import StoredFile
from ingestion.mapping.workspace import workspace
from pipeline.file_load_source import max_reject_amount_share, max_reject_share
from shared.commands import exit_code
from shared.config import PROJECT_ROOT, IngestSettings, SourceSettings, load_settings, read_environment
from shared.errors import FixConfiguration
from shared.scratch import scratch_directory
from shared.sources.references import EnvReference, find_text
from tests import shipped_sources

NOT_UTF8 = os.fsdecode(b"caf\xe9.csv")


def retail(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell command in which `retail` is the command line, in a new interpreter."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT), **shipped_sources.ENVIRONMENT}
    text = command.replace("retail ", f"{sys.executable} -m cli ")
    return subprocess.run(["bash", "-c", text], env=own | environment, capture_output=True, check=False, timeout=60)


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_all_characters_shows_everything_it_can(encoding: str) -> None:
    for command in ("retail layouts list", "retail layouts show online_retail", "retail layouts list --json"):
        shown = retail(command, PYTHONIOENCODING=encoding)
        assert (shown.returncode, shown.stderr) == (0, b"")
    assert json.loads(shown.stdout)


@pytest.mark.long
@pytest.mark.parametrize("redirection", ["| head -c 1 > /dev/null", ">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_is_not_an_internal_error(redirection: str) -> None:
    shown = retail(f"retail layouts list --json {redirection}")
    assert b"rror" not in shown.stderr
    assert b"Traceback" not in shown.stderr


@pytest.mark.long
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_for_the_output_is_said_in_one_line() -> None:
    shown = retail("retail layouts list > /dev/full")
    assert shown.returncode == 2
    assert shown.stderr.startswith(b"A file cannot be written: [Errno 28] No space left on device")


def test_an_argument_that_is_not_utf8_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["retail", "etl", "--source", NOT_UTF8])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("'caf\\udce9.csv' is not UTF-8. Rename the file")


def test_a_file_of_a_folder_whose_name_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / NOT_UTF8).write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(FixConfiguration, match=r"caf\\udce9.csv' has a name that is not UTF-8. Rename it"):
        StoredFile.of(1, tmp_path / NOT_UTF8)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_in_one_line(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, exit_code():
        raise OSError(number, os.strerror(number), "/reports/page.html")
    assert ended.value.exit_code == 2
    assert "/reports/page.html" in (said := capsys.readouterr().err)
    assert said.endswith("or set TMPDIR to a folder of a larger disk; then run again.\n")


def test_a_file_system_that_may_only_be_read_is_not_called_full(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), exit_code():
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/reports/page.html")
    said = capsys.readouterr().err
    assert "Mount the file system so that it can be written" in said
    assert "larger disk" not in said


def test_another_error_of_the_system_stays_what_it_is() -> None:
    with pytest.raises(ConnectionError), exit_code():
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def test_a_temporary_directory_that_cannot_be_made_or_filled_is_a_mistake_in_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for full in (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), duckdb.IOException("x: No space left on device")):
        with pytest.raises(FixConfiguration, match=r"A file cannot be written: .*No space left"), workspace():
            raise full
    with pytest.raises(KeyError), workspace():
        raise KeyError("another error")

    def none() -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(FixConfiguration, match="No usable temporary directory found"), scratch_directory():
        pass


def test_a_share_that_is_not_a_number_does_not_allow_every_rejected_row() -> None:
    for share in (float("nan"), -0.1, 1.1):
        with pytest.raises(FixConfiguration, match="Give a share between 0 and 1"):
            max_reject_share(share, SourceSettings(), "shop")
        with pytest.raises(FixConfiguration, match="Give a share between 0 and 1"):
            max_reject_amount_share(share, SourceSettings(), "shop", 0.05)
    assert max_reject_share(0.5, SourceSettings(), "shop") == 0.5


def test_the_limit_of_money_is_that_of_rows_unless_it_is_set() -> None:
    strict = SourceSettings(ingest=IngestSettings(max_reject_amount_share=0.01))
    assert max_reject_amount_share(None, SourceSettings(), "shop", 0.3) == 0.3
    assert max_reject_amount_share(None, strict, "shop", 0.3) == 0.01
    assert max_reject_amount_share(0.2, strict, "shop", 0.3) == 0.2


@pytest.mark.parametrize(
    "setting",
    [
        f"INGEST_{name}={value}"
        for name in ("TIMEOUT_SECONDS", "LISTING_MINUTES", "REQUESTS_PER_SECOND", "BACKOFF_SECONDS", "MAX_REJECT_SHARE")
        for value in ("nan", "inf", "1e300", "-1")
    ],
)
def test_a_setting_that_is_not_a_usable_number_is_named(setting: str) -> None:
    name, _, value = setting.partition("=")
    complete = {"WAREHOUSE_DSN": "postgresql://u:p@h/d", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "done"}
    with pytest.raises(FixConfiguration, match=name):
        load_settings({**complete, name: value})


@pytest.mark.parametrize("zone", ["Europe", "../etc/passwd", "a" * 300, "x\x00", "\udce9"])
def test_a_zone_that_is_none_is_named(zone: str) -> None:
    with pytest.raises(FixConfiguration, match=r"BUSINESS_TIMEZONE is .*, which is not an IANA time zone"):
        load_settings({"BUSINESS_TIMEZONE": zone})


def test_an_environment_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"S3_BUCKET_RAW=caf\xe9\n")
    with pytest.raises(FixConfiguration, match=r"\.env cannot be read: it is not UTF-8 text\."):
        read_environment({}, tmp_path / ".env")
    with pytest.raises(FixConfiguration, match="SHOP_KEY is not UTF-8 text"):
        find_text(EnvReference(env="SHOP_KEY"), {"SHOP_KEY": os.fsdecode(b"caf\xe9")})
