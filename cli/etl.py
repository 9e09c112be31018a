"""`retail etl`: load CSV files into the warehouse."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.landing.overlap_policy import Overlap
from shared.commands import JsonOption, console, exit_code, new_run_id, one_line, print_json
from shared.config import DOTENV
from shared.counts import counted
from shared.terminal_text import escape

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.file_load_request import Progress
    from pipeline.file_load_result import FileLoadResult

_STAGES = {"read": "Reading", "land": "Raw zone", "load": "Warehouse", "refresh": "Views"}


def etl(
    source: Annotated[
        list[str],
        typer.Option(
            "--source",
            metavar="FILE",
            help="A CSV file (plain, .gz, .zst or .zip) or .xlsx workbook; a folder or a glob. Repeatable.",
        ),
    ],
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the columns mean: a built-in layout or a YAML file. Default: the mapping of the retailer's"
            " definition, else detected from the header.",
        ),
    ] = None,
    retailer: Annotated[
        str | None,
        typer.Option("--retailer", metavar="ID", help="The retailer of the sales. Default: as in the layout."),
    ] = None,
    job_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", callback=one_line, help="A name for this load in the ledger and the report."),
    ] = None,
    on_overlap: Annotated[
        Overlap,
        typer.Option(help="For dates that another file has loaded before: stop, replace them, or append to them."),
    ] = Overlap.STOP,
    max_reject_share: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Load nothing when more than this share of the rows is rejected. Default: INGEST_MAX_REJECT_SHARE.",
        ),
    ] = None,
    max_reject_amount_share: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Load nothing when more than this share of the money of a currency is rejected. Default:"
            " INGEST_MAX_REJECT_AMOUNT_SHARE, else as for rows.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the report; each run gets a subfolder. Default: .local/reports.",
        ),
    ] = None,
    allow_low_quality: Annotated[
        bool,
        typer.Option(
            "--allow-low-quality",
            help="Also publish a file that misses a threshold of its quality report. Critical checks must still pass.",
        ),
    ] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Do not write a quality report.")] = False,
    no_refresh: Annotated[bool, typer.Option("--no-refresh", help="Do not refresh the materialized views.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check only. Needs no warehouse; nothing is written.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Load CSV files into the warehouse: read, check, clean, audit, publish.

    The load is atomic, and published only if it passes the quality checks. Loading the same file again changes nothing;
    a file with the same name is a newer version and replaces the business dates it contains. Rejected rows are stored
    as dead letters.
    """
    from pipeline.file_load import run_file_load
    from pipeline.file_load_request import FileLoadRequest
    from shared.logs import configure_logging

    configure_logging()
    report_directory = report or (None if dry_run else DOTENV.parent / ".local" / "reports")
    with exit_code():
        request = FileLoadRequest(
            sources=source,
            layout=layout,
            overlap=on_overlap,
            retailer_id=retailer,
            job_name=job_name,
            max_reject_share=max_reject_share,
            max_reject_amount_share=max_reject_amount_share,
            report_directory=None if no_report else report_directory,
            allow_low_quality=allow_low_quality,
            refresh=not no_refresh,
            dry_run=dry_run,
        )
        with _progress(quiet=as_json) as progress, _interruptible():
            result = run_file_load(request, run_id=new_run_id("etl"), progress=progress)
        if as_json:
            print_json(result.as_dict())
        else:
            _show(result)
        if not result.balanced:
            typer.echo("The rows do not add up; see the figures above. Please report it.", err=True)
            raise typer.Exit(1)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt for Ctrl-C during a DuckDB query, which raises its own error, or one during clean-up."""
    try:
        yield
    except Exception as error:
        behind: BaseException | None = error
        while behind is not None:
            if isinstance(behind, KeyboardInterrupt) or str(behind) == "Query interrupted":
                raise KeyboardInterrupt from error
            behind = behind.__cause__ or behind.__context__
        raise


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Progress]:
    """Bars on a terminal, a line per stage elsewhere, nothing for programs."""
    if quiet:
        yield lambda stage, step, share: None
    elif sys.stderr.isatty():
        with _bars() as update:
            yield update
    else:
        yield _lines()


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<9}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    bars = Progress(*columns, TimeElapsedColumn(), TextColumn("[dim]{task.fields[step]}"), console=Console(stderr=True))
    with bars:
        tasks = {stage: bars.add_task(name, total=1.0, start=False, step="") for stage, name in _STAGES.items()}

        def update(stage: str, step: str, share: float) -> None:
            bars.start_task(tasks[stage])
            bars.update(tasks[stage], completed=share, step=escape(step) if share < 1 else "")
            if share >= 1:
                bars.stop_task(tasks[stage])

        yield update


def _lines() -> Callable[[str, str, float], None]:
    began: dict[str, float] = {}

    def update(stage: str, step: str, share: float) -> None:
        if stage not in began:
            began[stage] = time.monotonic()
            typer.echo(f"{_STAGES[stage]} …", err=True)
        if share >= 1 and began[stage]:
            typer.echo(f"{_STAGES[stage]} done, {time.monotonic() - began[stage]:.1f} s", err=True)
            began[stage] = 0.0

    return update


def _show(result: FileLoadResult) -> None:
    from data_quality.quality_checks import describe_findings

    read = result.read
    days = f"{read.days[0]} to {read.days[-1]}, {counted(len(read.days), 'day')}" if read.days else "no days"
    out = console()
    names = ", ".join(escape(file.name) for file in read.files)
    out.print(f"{names}: {counted(read.rows, 'row')} of {read.retailer_id}, {days}")
    out.print(_table(result))
    for name, counts in (("Rejected", read.rejected_by_code), ("Flagged", read.flagged), ("Filled in", read.imputed)):
        if found := ", ".join(f"{count:,} {code}" for code, count in sorted(counts.items()) if count):
            out.print(f"{name}: {found}")
    if read.skipped:
        out.print(f"Left out: {counted(read.skipped, 'row')} that the layout says are not lines")
    for note in read.notes:
        out.print(f"Note: {escape(note)}", soft_wrap=True)
    if result.load_path:
        ways = [way for way in ("build", "merge", "unchanged") if way in result.load_path.values()]
        out.print("Months: " + ", ".join(f"{list(result.load_path.values()).count(way)} {way}" for way in ways))
    if result.quality:
        out.print(f"Quality: {result.quality.outcome.value}, score {result.quality.score:.1f}")
        for message in describe_findings(result.quality.checks):
            out.print(f"  {escape(message)}", soft_wrap=True)
    if result.report:
        out.print(f"Quality report: {escape(str(result.report))}")
    out.print(_outcome(result))


def _table(result: FileLoadResult) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("")
    facts = result.as_dict()
    for name in ("rows", *facts["money"]):
        table.add_column(name, justify="right")
    for name, rows in facts["rows"].items():
        if rows or name in ("read", "landed", "in_warehouse"):
            money = [f"{float(amounts[name]):,.2f}" if name in amounts else "" for amounts in facts["money"].values()]
            table.add_row(name.replace("_", " "), f"{rows:,}", *money)
    return table


def _outcome(result: FileLoadResult) -> str:
    seconds = f"{result.seconds['total']:.1f} s"
    if result.dry_run:
        return f"Dry run: nothing was written. {seconds}"
    if result.load_id is None:
        return f"Nothing new: the warehouse already has every date as in the files. {seconds}"
    return f"Published as load {result.load_id}: {counted(len(result.changed_days), 'date')}. {seconds}"


if __name__ == "__main__":
    typer.run(etl)
