"""Standard output and error of a command, whatever the terminal is: ASCII only, closed, or full."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path


def prepare_streams() -> None:
    """Make both streams take any text. A character that the terminal does not have is written as an escape sequence.

    A closed stream, as after `>&-`, is replaced by one that drops everything: otherwise the next file that is opened
    would take its place.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def drop_unwritten_output() -> None:
    """Forget what standard output did not take. Python would try once more at the end, and report that instead."""
    try:
        sys.stdout.flush()
    except OSError:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def is_utf8(stream: object) -> bool:
    """Whether a stream has every character."""
    return str(getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"


def is_text(text: str) -> bool:
    """Whether a text from the operating system, such as a file's name, is UTF-8. Other bytes are half characters."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
