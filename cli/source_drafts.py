"""`retail sources init`: drafts the definition of a source from a sample of what it sends."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from shared.commands import exit_code
from shared.counts import counted
from shared.errors import FixConfiguration
from shared.sources.definition import check_id, known_zone
from shared.sources.parts import known_currency

if TYPE_CHECKING:
    from ingestion.drafting.entries import Draft

Text = str | None


def init(
    origin: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL", help="A file with sales: CSV or JSON, plain, gzip or zstd; or the address of JSON."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Where to write it: sources/ID.yaml. Default: print it. Nothing is overwritten."),
    ] = None,
    source_id: Annotated[Text, typer.Option("--id", help="Id of the source. Default: the name of the file.")] = None,
    time_zone: Annotated[Text, typer.Option("--time-zone", help="Time zone of its business dates.")] = None,
    currency: Annotated[Text, typer.Option("--currency", help="Its currency, if no column has one.")] = None,
) -> None:
    """Draft a definition from a sample of a file, or from a response of an API.

    Columns, formats and currency are found by name and content. What is not certain is marked with `# CHECK:` and the
    reason. Exits with 1 when a required column was not found.
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
    from ingestion.drafting.draft_json import draft_json
    from ingestion.drafting.fetch import fetch, is_url
    from ingestion.drafting.read_file import read_file, read_json_file
    from ingestion.drafting.read_json import is_json, read_records
    from ingestion.mapping.workspace import workspace

    with workspace() as connection:
        if is_url(origin):
            host, body = urlsplit(origin).hostname or "", fetch(origin)
            if not is_json(body):
                raise FixConfiguration(f"{host} did not send JSON. Save the file, and give its name.")
            wanted = Wanted(_id(source_id, id_of(host)), time_zone, currency)
            return draft_json(connection, read_records(body, host), f"a response of {host}", wanted, origin)
        files = find_files([origin])
        if len(files) > 1:
            raise FixConfiguration(f"{origin} is {len(files)} files. Give one: a definition has one kind of file.")
        wanted = Wanted(_id(source_id, id_of(files[0].name.split(".")[0])), time_zone, currency)
        if (content := read_json_file(files[0])) is not None:
            found = read_records(content, files[0].name)
            return draft_json(connection, found, files[0].name, wanted, "")
        sample, dialect = read_file(files[0])
        share = "all" if sample.is_complete else "a sample"
        what = f"{files[0].name}, {share} of its rows ({sample.rows:,})"
        return draft(connection, sample, what, wanted, dialect)


def _id(given: str | None, default: str) -> str:
    check_id(given or default)
    return given or default


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
        is_api = any(entry.key == "api" for entry in drafted.head)
        look = f"preview {drafted.source_id}" if is_api else ""
        load = f"retail etl --source {origin} --retailer {drafted.source_id} --dry-run"
        found.append(
            f"Next: retail sources check {drafted.source_id}, then {f'retail sources {look}' if look else load}"
        )
    return "\n".join(found)
