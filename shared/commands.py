"""What all command lines of the platform share: dates, retailers, run ids, exit codes.

Exit codes: 0 done, 1 the work failed, 2 usage or configuration, 3 done but for dates that are held, 130 interrupted.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Annotated, Any, NoReturn
from uuid import uuid4

import typer
from rich.console import Console

from shared import parallel
from shared.business_dates import check_runnable
from shared.config import SourceSettings
from shared.errors import FixConfiguration, RetailError
from shared.scratch import unwritable
from shared.streams import drop_unwritten_output, is_utf8, prepare_streams
from shared.terminal_text import printable

HELD_EXIT_CODE = 3
"""Everything was done, but for dates that are held: landed, and not published until a user decides."""
MOST_CHARACTERS_OF_LINE = 500
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DateArgument = Annotated[
    str | None,
    typer.Argument(metavar="DATE", help="Business date, YYYY-MM-DD. Default: yesterday in BUSINESS_TIMEZONE."),
]
RetailerOption = Annotated[
    list[str] | None,
    typer.Option("--retailer", help="Only this retailer; may be repeated. `retail sources list` shows them."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]


def one_line(text: str | None) -> str | None:
    """A text that a user adds to what is stored and shown, as it is. Raises BadParameter unless it is a short line."""
    if text is not None and (len(text) > MOST_CHARACTERS_OF_LINE or "\n" in text or printable(text) != text):
        raise typer.BadParameter(
            f"give one line of at most {MOST_CHARACTERS_OF_LINE} characters, without control characters"
        )
    return text


def business_date(text: str | None, settings: SourceSettings, now: datetime | None = None) -> date:
    """The business date of a command, yesterday by default. Raises FixConfiguration for a malformed or future one."""
    now = now or datetime.now(UTC)
    return settings.business_yesterday(now) if text is None else past_date(text, settings.business_timezone, now)


def past_date(text: str, timezone: str, now: datetime) -> date:
    """A date as text. Raises FixConfiguration for a malformed one, one that has not begun there, or one before 1900."""
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        day = date.fromisoformat(text)
    except ValueError as error:
        raise FixConfiguration(f"{text!r} is not a date. Give it as YYYY-MM-DD, for example 2024-01-15.") from error
    return check_runnable(day, timezone, now)


def new_run_id(stage: str) -> str:
    """A run id for a command that Airflow did not start: stage, UTC time, random part."""
    return f"{stage}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"


def print_json(facts: Any) -> None:
    """Write a result for programs; dates and exact amounts as text."""
    typer.echo(json.dumps(facts, indent=2, ensure_ascii=not is_utf8(sys.stdout), default=str))


def console() -> Console:
    """Standard output for tables; wide enough for them when it is a file or a pipe."""
    return Console() if sys.stdout.isatty() else Console(width=160)


@contextmanager
def exit_code() -> Iterator[None]:
    """Turn the platform's errors into one line on standard error and an exit code.

    An error after a publication has notes, which say what is left to do and end the line.
    """
    prepare_streams()
    try:
        yield
    except RetailError as error:
        typer.echo(printable(" ".join((str(error), *_notes(error)))), err=True)
        raise typer.Exit(error.exit_code) from error
    except OSError as error:
        if (full := unwritable(error)) is None:
            raise
        drop_unwritten_output()
        typer.echo(printable(" ".join((str(full), *_what_stays(error)))), err=True)
        raise typer.Exit(full.exit_code) from error
    except KeyboardInterrupt as error:
        stays = _what_stays(error) or ("Unfinished work was not published.",)
        typer.echo(printable(" ".join(("Interrupted.", *stays))), err=True)
        _leave(130)


def _what_stays(error: BaseException) -> tuple[str, ...]:
    """What is said after an error that does not mention a publication, if there was one."""
    notes = _notes(error)
    return ("What was committed is published.", *notes) if notes else ()


def _notes(error: BaseException) -> tuple[str, ...]:
    """The notes of an error and of those behind it, each once."""
    notes: dict[str, None] = {}
    behind: BaseException | None = error
    while behind is not None:
        notes |= dict.fromkeys(getattr(behind, "__notes__", ()))
        behind = behind.__cause__ or behind.__context__
    return tuple(notes)


def _leave(status: int) -> NoReturn:
    """End the command. Nothing follows its message on standard error.

    A thread that an interrupt left in the middle of its work may be within DuckDB. Python would end it there when it
    closes down, which C++ takes for an error: the process would be aborted, with another status and more messages.
    """
    if parallel.is_any_running():
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise typer.Exit(status)
