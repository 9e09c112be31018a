"""`retail sources load` and `retail sources files`: dropped files, and what became of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from shared.commands import JsonOption, console, exit_code, new_run_id, print_json
from shared.config import DOTENV, Settings, load_settings
from shared.counts import counted
from shared.errors import FixConfiguration, RetailError
from shared.sources.schedules import MANUAL
from shared.terminal_text import escape, printable

if TYPE_CHECKING:
    from pipeline.drop_ledger import DroppedFile
    from pipeline.drop_result import DropResult
    from pipeline.file_drops import Progress

_STAGES = {"fetch": "fetching", "read": "reading", "land": "landing", "load": "loading"}
LoadArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...", help="Ids of sources. Default: those with files whose schedule is not manual."
    ),
]


def load(
    source: LoadArgument = None,
    again: Annotated[
        list[str] | None,
        typer.Option(
            "--again", metavar="FILE", help="Load this file although it was loaded or rejected before. Repeatable."
        ),
    ] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Try all rejected files again.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Do not write quality reports.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Load the files that are dropped for a source: each content once.

    A file that may still be written is left for the next run. A file that cannot be loaded is recorded with its reason,
    and does not stop the others. Exits with 1 when a file was rejected in this run.
    """
    from pipeline.drop_selection import Retry
    from shared.logs import configure_logging

    configure_logging()
    with exit_code():
        settings = load_settings()
        chosen = source or _scheduled(settings)
        if again and len(chosen) > 1:
            raise FixConfiguration("--again names a file of one source. Give that source, too.")
        retry = Retry(tuple(again or ()), all_rejected=rejected)
        reports = None if no_report else DOTENV.parent / ".local" / "reports"
        done = [_load(each, retry, reports, settings, as_json=as_json) for each in chosen]
        if as_json:
            print_json({"sources": done})
        raise typer.Exit(0 if all(each["ok"] for each in done) else 1)


def files(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Id of the source: the name of its file.")],
    status: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="STATUS", help="loaded, duplicate, rejected or waiting. Repeatable."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many files to show.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show the dropped files of a source: what was loaded, rejected and is waiting, when, and why."""
    from pipeline.drop_ledger import dropped_files, listed_at
    from pipeline.drop_selection import STATUSES
    from shared.database import session, transaction

    with exit_code():
        settings = load_settings()
        settings.sources.check_known([source])
        if unknown := sorted({*(status or ())} - {*STATUSES}):
            raise FixConfiguration(f"There is no status {', '.join(unknown)}. Allowed: {', '.join(STATUSES)}")
        dsn = settings.warehouse_dsn.get_secret_value()
        with session(dsn, application_name="retail-files") as connection, transaction(connection) as cursor:
            found = dropped_files(cursor, source, status or STATUSES, limit)
            listed = listed_at(cursor, [source]).get(source)
        if as_json:
            print_json({"source": source, "listed_at": listed, "files": [vars(each) for each in found]})
        elif found:
            console().print(_table(found))
        else:
            typer.echo(f"No file of {source} is known. To load those that are there: retail sources load {source}")
        if listed and not as_json:
            typer.echo(f"Listed at {listed:%Y-%m-%d %H:%M:%S} UTC.")


def _scheduled(settings: Settings) -> list[str]:
    """The sources of dropped files that something else than a command loads, too. Raises FixConfiguration."""
    sources = settings.sources
    found = [each for each in sources.drops() if sources.get(each).schedule != MANUAL]
    if not found:
        raise FixConfiguration(
            f"There is no source in {sources.directory} whose files are dropped in a location, and whose schedule is"
            " not manual (docs/connectors/files.md)."
        )
    return found


def _load(source: str, retry: Any, reports: Path | None, settings: Settings, *, as_json: bool) -> dict[str, Any]:
    """Load the files of one source; an error of it does not stop the others."""
    from pipeline.file_drops import DropRequest, load_drops

    request = DropRequest(source, new_run_id("files"), retry, reports)
    try:
        result = load_drops(request, settings, progress=_progress(quiet=as_json))
    except RetailError as error:
        typer.echo(printable(str(error)), err=True)
        return {"source": source, "ok": False, "error": str(error)}
    if not as_json:
        _show(result)
    return result.as_dict()


def _progress(*, quiet: bool) -> Progress:
    """One line per file on a terminal, which shows the present stage; elsewhere a line when a file begins."""

    def update(name: str, number: int, total: int, stage: str, share: float) -> None:
        if quiet or stage not in _STAGES:
            return
        text = f"{number} of {total}: {printable(name)}, {_STAGES[stage]} {share:4.0%}"
        if sys.stderr.isatty():
            typer.echo(f"\r\x1b[K{text}" + ("\r\x1b[K" if (stage, share) == ("load", 1.0) else ""), nl=False, err=True)
        elif (stage, share) == ("fetch", 0.0):
            typer.echo(f"{number} of {total}: {printable(name)} …", err=True)

    return update


def _show(result: DropResult) -> None:
    out = console()
    for each in result.files:
        what = "" if each.load_id is None or each.status != "loaded" else f", load {each.load_id}"
        if each.status == "loaded" and each.load_id is None:
            what = ", nothing new in it"
        reason = f": {each.reason}" if each.reason else ""
        out.print(f"{escape(each.name)}: {each.status}{what}{escape(reason)}", soft_wrap=True)
    for name, reason in result.waiting.items():
        out.print(f"{escape(name)}: waiting, {escape(reason)}", soft_wrap=True)
    for problem in result.problems:
        typer.echo(printable(problem), err=True)
    counts = [f"{len(result.with_status(each)):,} {each}" for each in ("loaded", "duplicate", "rejected")]
    counts += [f"{len(result.waiting):,} waiting"]
    if result.rejected_before:
        counts.append(f"{len(result.rejected_before):,} rejected before")
    if result.moved:
        counts.append(f"{result.moved:,} moved")
    out.print(f"{result.source_id}: {counted(result.listed, 'file')} in {escape(result.location)}: {', '.join(counts)}")


def _table(found: list[DroppedFile]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("file", "status", "when (UTC)", "load"):
        table.add_column(name, no_wrap=name != "file", overflow="fold")
    table.add_column("bytes", justify="right")
    table.add_column("reason", overflow="fold")
    for each in found:
        at = each.decided_at or each.first_listed_at
        load = "" if each.load_id is None else str(each.load_id)
        texts = (each.name, each.status, f"{at:%Y-%m-%d %H:%M}", load, f"{each.size_bytes:,}", each.reason or "")
        table.add_row(*map(escape, texts))
    return table
