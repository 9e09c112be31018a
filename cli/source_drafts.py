"""`retail sources init`: drafts the definition of a source from a sample of what it sends."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.commands import exit_code
from shared.counts import counted
from shared.errors import FixConfiguration
from shared.sources.definition import check_id, known_currency, known_zone

if TYPE_CHECKING:
    from ingestion.drafting.entries import Draft

Text = str | None


def init(
    origin: Annotated[str, typer.Argument(metavar="FILE", help="A CSV file with sales, plain, gzip or zstd.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Where to write it: sources/ID.yaml. Default: print it. Nothing is overwritten."),
    ] = None,
    source_id: Annotated[Text, typer.Option("--id", help="Id of the source. Default: the name of the file.")] = None,
    time_zone: Annotated[Text, typer.Option("--time-zone", help="Time zone of its business dates.")] = None,
    currency: Annotated[Text, typer.Option("--currency", help="Its currency, if no column has one.")] = None,
) -> None:
    """Draft a definition from a sample of a file: columns, formats and currency, found by name and content.

    What is not certain is marked with `# CHECK:` and the reason. Exits with 1 when a required column was not found.
    """
    with exit_code():
        if output is not None and (output.exists() or output.is_symlink()):
            raise FixConfiguration(f"{output} exists already and is not overwritten. Give another --output.")
        _check(source_id, time_zone, currency)
        drafted = _draft(origin, source_id or (output.stem if output else None), time_zone, currency)
        text = _rendered(drafted)
        if output is None:
            typer.echo(text, nl=False)
        else:
            _write(output, text)
        typer.echo(_summary(drafted, origin, output), err=True)
        raise typer.Exit(1 if drafted.missing else 0)


def _check(source_id: str | None, time_zone: str | None, currency: str | None) -> None:
    if source_id is not None:
        check_id(source_id)
    try:
        if time_zone is not None:
            known_zone(time_zone)
        if currency is not None:
            known_currency(currency)
    except ValueError as error:
        raise FixConfiguration(f"{error}.") from error


def _draft(origin: str, source_id: str | None, time_zone: str | None, currency: str | None) -> Draft:
    from ingestion.connectors.files.sources import find_files
    from ingestion.drafting.draft import Wanted, draft, id_of
    from ingestion.drafting.read_file import read_file
    from ingestion.mapping.workspace import workspace

    files = find_files([origin])
    if len(files) > 1:
        raise FixConfiguration(f"{origin} is {len(files)} files. Give one of them: a definition has one kind of file.")
    chosen = source_id or id_of(files[0].name.split(".")[0])
    check_id(chosen)
    sample, dialect = read_file(files[0])
    share = "all" if sample.is_complete else "a sample"
    with workspace() as connection:
        what = f"{files[0].name}, {share} of its rows ({sample.rows:,})"
        return draft(connection, sample, what, Wanted(chosen, time_zone, currency), dialect)


def _rendered(drafted: Draft) -> str:
    from ingestion.drafting.render import render

    return render(drafted)


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise FixConfiguration(f"{output} cannot be written: {error.strerror}.") from error


def _summary(drafted: Draft, origin: str, output: Path | None) -> str:
    missing = ", ".join(each.key for each in drafted.missing)
    found = [f"Nothing was found for {missing}, without which no sale can be loaded."] if missing else []
    if drafted.checks:
        found.append(f"{counted(drafted.checks, 'value')} to look at: search for CHECK.")
    origin = shlex.quote(origin)
    if output is None:
        found.append(f"To keep it: retail sources init {origin} --output sources/{drafted.source_id}.yaml")
    else:
        found.append(
            f"Next: retail sources check {drafted.source_id}, then"
            f" retail etl --source {origin} --retailer {drafted.source_id} --dry-run"
        )
    return "\n".join(found)
