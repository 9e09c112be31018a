"""Logging: structlog on the standard library, readable lines or JSON.

The terminal shows the results of a command and its warnings. The complete log goes to a file: RETAIL_LOG_FILE, by
default `.local/logs/retail.log` in a checkout, else `retail/retail.log` in the user's state directory. With LOG_LEVEL
set, as in the containers, or with `retail --verbose`, it goes to standard error instead. Airflow's tasks do not call
`configure_logging`: Airflow configures their logging itself.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from tempfile import gettempdir

import structlog

from shared.config import PROJECT_ROOT
from shared.directories import make_directory
from shared.errors import shortened
from shared.urls import without_credentials

MAX_BYTES = 10 * 2**20
"""A larger log file is set aside as `retail.log.1` when the next command starts."""
_MOST_CHARACTERS_OF_FIELD, _MOST_CHARACTERS = 20_000, 200_000
"""Of a text in a record, and of a record: a server may have sent megabytes of what is logged."""
_QUIET_LIBRARIES = ("botocore", "boto3", "urllib3", "s3transfer", "yoyo")


class _StderrHandler(logging.Handler):
    """Writes to the standard error of the time when a record is written, which tests and terminals may replace."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError, AttributeError):  # a closed stream must not fail the work that is logged
            sys.stderr.write(self.format(record) + "\n")


class _LogFileHandler(logging.FileHandler):
    """The log file of this process; a full disk must not fail the work that is logged."""

    def _open(self) -> TextIOWrapper:
        """Open the file. Only its owner can read a new one, because errors quote values of rejected records."""
        return open(self.baseFilename, "a", encoding=self.encoding, opener=_open_private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in the standard library
        """Drop the record."""


class _Formatter(logging.Formatter):
    """Masks credentials in messages and tracebacks: libraries quote complete URLs. Cuts what is very long."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record."""
        return shortened(without_credentials(super().format(record)), _MOST_CHARACTERS)


def _with_short_fields(logger: object, name: str, fields: structlog.types.EventDict) -> structlog.types.EventDict:
    """Cut the texts before they are rendered, so that a record stays JSON."""
    return {
        key: shortened(value, _MOST_CHARACTERS_OF_FIELD) if isinstance(value, str) else value
        for key, value in fields.items()
    }


def _open_private(path: str, flags: int) -> int:
    place = Path(path).parent.stat()
    is_open_to_all = bool(place.st_mode & stat.S_ISVTX)  # as /tmp: others may have planted a link or a file there
    flags |= os.O_NONBLOCK | (os.O_NOFOLLOW if is_open_to_all else 0)  # a pipe that nobody reads: an error, not a wait
    descriptor = os.open(path, flags, 0o600)
    if is_open_to_all and os.fstat(descriptor).st_uid != os.geteuid():
        os.close(descriptor)
        raise PermissionError(errno.EPERM, "it belongs to another user", path)
    os.set_blocking(descriptor, True)
    return descriptor


def configure_logging(level: str | None = None, form: str | None = None) -> None:
    """Set up logging for the entry point of a command; libraries and stages only ever call `get_logger`.

    `level` defaults to LOG_LEVEL. With either of them the log goes to standard error, else to the log file, and only
    warnings and errors to standard error.
    `form` ("console" or "json") defaults to LOG_FORMAT.
    """
    level = level or os.environ.get("LOG_LEVEL")
    form = form or os.environ.get("LOG_FORMAT", "console")
    handlers = [_StderrHandler()] if level else [_file_handler(os.environ), _StderrHandler(logging.WARNING)]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=bool(level) and sys.stderr.isatty(), pad_event_to=0)
    )
    root = logging.getLogger()
    for previous in list(root.handlers):
        root.removeHandler(previous)
        previous.close()
    for handler in handlers:
        handler.setFormatter(_Formatter("%(message)s"))
        root.addHandler(handler)
    root.setLevel((level or "INFO").upper())
    for library in _QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _with_short_fields,
            renderer,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A module-level logger; pass facts as keyword fields (`run_id`, `retailer_id`, `business_date`)."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def log_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where the log file may be, the preferred place first."""
    if chosen := environ.get("RETAIL_LOG_FILE"):
        with suppress(RuntimeError):  # ~name of an unknown user
            yield Path(chosen).expanduser()
    elif (PROJECT_ROOT / "pyproject.toml").is_file():
        yield PROJECT_ROOT / ".local" / "logs" / "retail.log"
    with suppress(RuntimeError):  # a user without a home directory
        state = environ.get("XDG_STATE_HOME")
        yield (Path(state) if state else Path.home() / ".local" / "state") / "retail" / "retail.log"
    with suppress(OSError):  # no directory for temporary files can be written
        yield Path(gettempdir()) / f"retail-{os.getuid()}.log"


def _file_handler(environ: Mapping[str, str]) -> logging.Handler:
    """The first log file that can be written; without any, the log is dropped, for a command never fails for it."""
    for path in log_files(environ):
        with suppress(OSError):
            make_directory(path.parent)
            if path.is_file() and path.stat().st_size > MAX_BYTES:
                path.replace(path.with_name(f"{path.name}.1"))
            return _LogFileHandler(path, encoding="utf-8")
    return logging.NullHandler()
