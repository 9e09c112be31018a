"""Runs a program and reads the lines that it prints, within limits of time and size."""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from shared.errors import FixConfiguration, RetryLater, StopRun, shortened
from shared.sources.connection import Program
from shared.urls import without_credentials

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_SEARCHED = "/usr/local/bin:/usr/bin:/bin"
_CHUNK_BYTES = 256 * 1024
_TAIL_BYTES = 4_096
_SHOWN_CHARACTERS = 1_000
_SHOWN_LINES = 8
_POLL_SECONDS = 0.02
_END_SECONDS = 10.0
"""The supervisor needs at most two seconds to end a program."""


@dataclass(frozen=True)
class OutputLimits:
    """What a program may take."""

    quiet_seconds: float
    """Without any output, of errors either."""
    minutes: float
    """From its start to its end."""
    line_bytes: int


class Process:
    """A program that is running. `what` begins the messages: the source, and the program's name."""

    def __init__(
        self,
        what: str,
        command: Sequence[str],
        program: Program,
        directory: Path,
        limits: OutputLimits,
        monotonic: Callable[[], float],
    ) -> None:
        """Start it in `directory`, which is deleted when it ends. Raises FixConfiguration if there is no such program.

        It gets the variables of the definition and no others: ours have the secrets of the platform.
        """
        self._what, self._secrets, self._limits, self._monotonic = what, _spellings(program.secrets), limits, monotonic
        self._until = monotonic() + limits.minutes * 60
        self._process = self._start(command, program, directory)
        self._output, self._errors = _opened(self._process.stdout), _opened(self._process.stderr)
        self._selector = selectors.DefaultSelector()
        self._text = b""
        """The end of what it wrote to its standard error."""
        self._heard_at = monotonic()
        for stream in (self._output, self._errors):
            os.set_blocking(stream, False)
            self._selector.register(stream, selectors.EVENT_READ)

    def lines(self) -> Iterator[bytes]:
        """The lines of its standard output, until it has ended successfully.

        Raises RetryLater when it fails or takes too long, and StopRun when a line is too long.
        """
        pieces: list[bytes] = []
        size = 0
        while chunk := self._next():
            head, *lines = chunk.split(b"\n")
            pieces.append(head)
            size += len(head)
            if size > self._limits.line_bytes:
                raise StopRun(
                    f"{self._what}: a line has more than {self._limits.line_bytes // 1024**2:,} MB. If a record is"
                    " as large, raise INGEST_MAX_RESPONSE_MB, or limits.max_response_mb of the source."
                )
            if lines:
                yield b"".join(pieces)
                *complete, rest = lines
                yield from complete
                pieces, size = [rest], len(rest)
        if size:
            yield b"".join(pieces)
        self._check_end()

    def end(self) -> None:
        """End the program, and everything that it started. It can be called again."""
        if self._process.poll() is None and self._process.stdin:
            self._process.stdin.close()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._selector.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _start(self, command: Sequence[str], program: Program, directory: Path) -> subprocess.Popen[bytes]:
        # It may write below its home, where nothing of it stays, and prints UTF-8.
        own = {"HOME": str(directory), "TMPDIR": str(directory), "LANG": "C.UTF-8", "TZ": "UTC", "PATH": _SEARCHED}
        environment = {**own, **program.environment}
        found = shutil.which(command[0], path=environment["PATH"])
        if found is None:
            raise FixConfiguration(
                f"{self._what}: there is no program {command[0]!r} that can be run. Install it, and give its complete"
                " path as the first part of connection.command."
            )
        supervised = [sys.executable, "-I", "-S", str(_SUPERVISOR), str(directory), found, *command[1:]]
        return subprocess.Popen(  # noqa: S603 - the command of a source's definition
            supervised,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=directory,
            env=environment,
            start_new_session=True,  # Ctrl-C does not reach it: `end` does, in order
        )

    def _next(self) -> bytes:
        """The next bytes of its output; none at the end."""
        self._heard_at = self._monotonic()  # until now, we were the one who was slow
        while True:
            until = min(self._heard_at + self._limits.quiet_seconds, self._until)
            for key, _ in self._selector.select(max(0.0, until - self._monotonic())):
                if key.fd == self._errors:
                    self._read_errors()
                elif chunk := _read(self._output):
                    return chunk
                elif chunk is not None:
                    self._selector.unregister(self._output)
                    return b""
            self._check_time()

    def _check_time(self) -> None:
        now = self._monotonic()
        if now >= self._until:
            raise RetryLater(
                f"{self._what} took more than {self._limits.minutes:g} minutes{self._said()}. Run again later; if it"
                " needs as long, raise INGEST_LISTING_MINUTES, or limits.listing_minutes of the source."
            )
        if now - self._heard_at >= self._limits.quiet_seconds:
            raise RetryLater(
                f"{self._what} printed nothing for {self._limits.quiet_seconds:g} seconds{self._said()}. Run again"
                " later; if it needs as long, raise INGEST_TIMEOUT_SECONDS, or limits.timeout_seconds of the source."
            )

    def _read_errors(self) -> None:
        chunk = _read(self._errors)
        if chunk == b"":
            self._selector.unregister(self._errors)
        elif chunk:
            self._heard_at = self._monotonic()
        self._text = (self._text + (chunk or b""))[-_TAIL_BYTES:]

    def _check_end(self) -> None:
        """Wait for its end. Raises RetryLater unless it ended successfully."""
        while (status := self._process.poll()) is None:
            if self._errors in {key.fd for key in self._selector.get_map().values()}:
                for _ in self._selector.select(_POLL_SECONDS):
                    self._read_errors()
            else:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(_POLL_SECONDS)
            self._check_time()
        while self._selector.get_map() and self._selector.select(0):
            self._read_errors()
        if status:
            how = f"exited with {status}" if status <= 128 else f"was ended by signal {status - 128}"
            raise RetryLater(f"{self._what} {how}{self._said()}. Nothing of it was landed.")

    def _said(self) -> str:
        """The end of what it wrote to its standard error, without secrets."""
        text = self._text.decode(errors="replace")
        for secret in self._secrets:
            text = text.replace(secret, "***")
        lines = [line.strip() for line in without_credentials(text).splitlines() if line.strip()]
        if len(self._text) == _TAIL_BYTES:
            lines = lines[1:] or lines  # the first one may begin in the middle of a secret
        said = " | ".join(lines[-_SHOWN_LINES:])
        printable = "".join(each if each.isprintable() else "�" for each in said)
        return f" ({shortened(printable, _SHOWN_CHARACTERS)})" if printable else ""


def _spellings(secrets: Sequence[str]) -> list[str]:
    """How a program may write a secret, the longest first."""
    found = {each for secret in secrets for each in (secret, quote(secret, safe=""), repr(secret)[1:-1])}
    return sorted(found, key=len, reverse=True)


def _opened(stream: IO[bytes] | None) -> int:
    if stream is None:
        raise ValueError("the process was started without a pipe")
    return stream.fileno()


def _read(descriptor: int) -> bytes | None:
    """What can be read now: b"" at the end, None when there is nothing yet."""
    try:
        return os.read(descriptor, _CHUNK_BYTES)
    except BlockingIOError:
        return None
