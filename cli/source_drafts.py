"""`retail sources init`: drafts the definition of a source from a sample of what it sends."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    from ingestion.drafting.draft import Wanted
    from ingestion.drafting.entries import Draft

Text = str | None


@dataclass(frozen=True)
class _Given:
    """What the user says of the source."""

    time_zone: str | None
    currency: str | None

    def of(self, source_id: str | None, name: str) -> Wanted:
        """With its id, by default made of a name. Raises FixConfiguration."""
        from ingestion.drafting.draft import Wanted, id_of

        source_id = source_id or id_of(name)
        check_id(source_id)
        return Wanted(source_id, self.time_zone, self.currency)


def init(
    origin: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL",
            help="A file with sales: CSV, JSON, Parquet, a workbook or a zip archive; or the address of an API's JSON.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Where to write it: sources/ID.yaml. Default: print it. Nothing is overwritten."),
    ] = None,
    source_id: Annotated[Text, typer.Option("--id", help="Id of the source. Default: the name of the file.")] = None,
    time_zone: Annotated[Text, typer.Option("--time-zone", help="Time zone of its business dates.")] = None,
    currency: Annotated[Text, typer.Option("--currency", help="Its currency, if no column has one.")] = None,
    sheet: Annotated[Text, typer.Option("--sheet", help="The sheet of a workbook with several.")] = None,
    is_response: Annotated[
        bool, typer.Option("--response", help="The file is a saved response of an API: draft the definition of an API.")
    ] = False,
) -> None:
    """Draft a definition from a sample of a file, or from a response of an API.

    Columns, formats and currency are found by name and content. What is not certain is marked with `# CHECK:` and the
    reason. Exits with 1 when a required column was not found.
    """
    with exit_code():
        if output is not None and (output.exists() or output.is_symlink()):
            raise FixConfiguration(f"{output} exists already and is not overwritten. Give another --output.")
        _check(source_id, time_zone, currency)
        given = _Given(time_zone, currency)
        drafted = _draft(origin, is_response, sheet, source_id or (output.stem if output else None), given)
        text = _rendered(drafted)
        if output is None:
            typer.echo(text, nl=False)
        else:
            _write(output, text)
        options = {"--time-zone": time_zone, "--currency": currency, "--sheet": sheet}
        said = ["--response"] if is_response else []
        said += [part for name, value in options.items() if value is not None for part in (name, value)]
        typer.echo(_summary(drafted, origin, output, said), err=True)
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


def _draft(origin: str, is_response: bool, sheet: str | None, id_given: str | None, wanted: _Given) -> Draft:
    from ingestion.drafting.fetch import fetch, is_url
    from ingestion.drafting.read_json import is_json

    if not is_url(origin):
        return _draft_file(origin, is_response, sheet, id_given, wanted)
    host, body = urlsplit(origin).hostname or "", fetch(origin)
    if not is_json(body):
        raise FixConfiguration(f"{host} did not send JSON. Save the file, and give its name.")
    return _draft_api(body, host, f"a response of {host}", id_given, wanted, origin)


def _draft_file(origin: str, is_response: bool, sheet: str | None, id_given: str | None, wanted: _Given) -> Draft:
    from ingestion.connectors.files.archives import open_files
    from ingestion.connectors.files.sources import find_files
    from ingestion.drafting.draft import draft
    from ingestion.drafting.draft_json import draft_records
    from ingestion.drafting.entries import Entry
    from ingestion.drafting.read_file import read_file, read_record_file, read_response
    from ingestion.mapping.workspace import workspace

    found = find_files([origin])
    if len(found) > 1:
        raise FixConfiguration(f"{origin} is {len(found)} files. Give one: a definition has one kind of file.")
    stored, name = found[0], found[0].name.split(".")[0]
    if is_response:
        return _draft_api(read_response(stored), name, stored.name, id_given, wanted, "")
    with workspace() as connection:
        if (records := read_record_file(stored)) is not None:
            return draft_records(connection, records, stored.name, wanted.of(id_given, name))
        with open_files([origin], sheet=sheet) as files:
            file = max(files, key=lambda each: each.size_bytes)
            sample, dialect = read_file(file)
            share = "all" if sample.is_complete else "a sample"
            what = f"{file.name}, {share} of its rows ({sample.rows:,})"
            drafted = draft(connection, sample, what, wanted.of(id_given, name), dialect)
    return replace(drafted, format=(Entry("sheet", sheet), *drafted.format)) if sheet else drafted


def _draft_api(body: bytes, name: str, what: str, id_given: str | None, wanted: _Given, url: str) -> Draft:
    from ingestion.drafting.draft_json import draft_json
    from ingestion.drafting.read_json import read_records
    from ingestion.mapping.workspace import workspace

    with workspace() as connection:
        return draft_json(connection, read_records(body, name), what, wanted.of(id_given, name), url)


def _rendered(drafted: Draft) -> str:
    from ingestion.drafting.render import render

    return render(drafted)


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise FixConfiguration(f"{output} cannot be written: {error.strerror}.") from error


def _summary(drafted: Draft, origin: str, output: Path | None, said: Sequence[str]) -> str:
    """What was found, and what to do next. `said`: the options that were given."""
    missing = ", ".join(each.key for each in drafted.missing)
    found = [f"Nothing was found for {missing}, without which no sale can be loaded."] if missing else []
    if drafted.checks:
        found.append(f"{counted(drafted.checks, 'value')} to look at: search for CHECK.")
    if output is None:
        again = shlex.join(["retail", "sources", "init", origin, *said])
        found.append(f"To keep it: {again} --output sources/{drafted.source_id}.yaml")
    else:
        is_api = any(entry.key == "api" for entry in drafted.head)
        look = f"preview {drafted.source_id}" if is_api else ""
        load = f"retail etl --source {shlex.quote(origin)} --retailer {drafted.source_id} --dry-run"
        found.append(
            f"Next: retail sources check {drafted.source_id}, then {f'retail sources {look}' if look else load}"
        )
    return "\n".join(found)
