"""Only regular files are read, and no more of one than it held when it was opened."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.mapping.layouts import load_layout
from scripts.generate_env import main as generate_env
from shared.config import load_settings, load_source_settings, read_environment
from shared.errors import FixConfiguration
from shared.regular_files import MOST_CHARACTERS, open_regular, read_text
from shared.sources.registry import load_sources
from shared.sources.variables import variables_in

PIPE = r"it is a pipe, not a regular file; save its content to a regular file first"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A pipe that nobody ever writes to. Opening it for reading waits for ever."""
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    (tmp_path / "RETAILER1_API_KEY").symlink_to(path)
    return path


def bound_socket(path: Path) -> Path:
    here = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)  # the path of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)
    return path


def linked(path: Path, to: str) -> Path:
    path.symlink_to(to)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: linked(path, "/dev/zero"), "it is a device, not a regular file; save its content"),
        (lambda path: linked(path, "/dev/tty"), "it is a device, not a regular file; save its content"),
        (lambda path: linked(path, "."), "it is a directory, not a regular file"),
        (lambda path: linked(path, path.name), "Too many"),
        (lambda path: path, "No such file"),
        (bound_socket, "it is a socket, not a regular file"),
    ],
)
def test_what_is_not_a_regular_file_is_an_error_that_says_what_it_is(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(OSError) as caught:
        open_regular(make(tmp_path / "given"))

    assert str(caught.value.strerror).startswith(message)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_file_that_the_system_makes_while_it_is_read_is_an_error() -> None:
    with pytest.raises(OSError, match=r"its size is not known, as of files in /proc; save its content"):
        open_regular(Path("/proc/self/status"))


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    with open_regular(tmp_path / "empty") as file:
        assert file.read() == b""


def test_what_is_written_after_a_file_was_opened_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "grows"
    path.write_bytes(b"before\n" * 10_000)

    with open_regular(path) as file:
        start = file.read(3)
        with path.open("ab") as other:
            other.write(b"after\n" * 10_000)
        rest = file.read()

    assert start + rest == b"before\n" * 10_000


def test_a_file_with_settings_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(OSError, match="more than 1,048,576 characters"):
        read_text(tmp_path / "sparse")
    (tmp_path / "longest").write_text("ü" * (MOST_CHARACTERS - 1) + "\r\n", encoding="utf-8")
    assert read_text(tmp_path / "longest").endswith("ü\n")


@pytest.mark.parametrize(
    "read",
    [
        lambda pipe: read_environment({"S3_BUCKET_RAW_FILE": str(pipe)}),
        lambda pipe: read_environment({}, dotenv=pipe),
        lambda pipe: load_settings(
            {"WAREHOUSE_DSN": "", "POSTGRES_PASSWORD": "p", "POSTGRES_SSLROOTCERT": str(pipe)}
            | {"S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
        ),
        lambda pipe: load_source_settings(
            {"RETAILER1_API_URL": "http://x", "RETAILER1_API_KEY_FILE": str(pipe)}
        ).sources.connect("retailer_1"),
        lambda pipe: load_source_settings(
            {"RETAILER1_API_URL": "http://x", "SECRETS_DIRECTORY": str(pipe.parent)}
        ).sources.connect("retailer_1"),
        lambda pipe: load_sources({}, pipe.parent).get("pipe"),
        lambda pipe: load_layout(str(pipe)),
    ],
    ids=["secret", ".env", "certificate", "secret of a source", "secrets directory", "definition", "layout"],
)
def test_a_pipe_in_place_of_a_file_with_settings_is_an_error_that_says_so(
    pipe: Path, read: Callable[[Path], object]
) -> None:
    with pytest.raises(FixConfiguration, match=PIPE):
        read(pipe)


def test_the_scan_for_variables_leaves_out_what_cannot_be_read(pipe: Path) -> None:
    (pipe.parent / "shop.yaml").write_text("url: {env: SHOP_URL}\n", encoding="utf-8")

    assert list(variables_in(pipe.parent)) == ["SHOP_URL"]


def test_an_env_file_that_is_a_pipe_is_left_as_it_is(pipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate_env(["--output", str(pipe)]) == 2

    assert capsys.readouterr().err.startswith(f"{pipe}: it is a pipe")
    assert pipe.is_fifo()


def test_a_directory_called_env_file_is_not_one(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    assert read_environment({"A": "b"}, dotenv=tmp_path / ".env") == {"A": "b"}
