"""`retail sources`: the sources that are defined, what is wrong with them, and what they send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import typer
import yaml
from rich.table import Table

from cli.deferred import PlainCommand, PlainGroup
from cli.source_drafts import init
from cli.source_files import files, load
from cli.source_schemas import accept, schema
from shared.commands import DateArgument, JsonOption, business_date, console, exit_code, print_json
from shared.config import SourceSettings, load_settings, load_source_settings
from shared.counts import counted
from shared.errors import FixConfiguration, RetailError, StopRun
from shared.sources.connection import FILES
from shared.sources.databases import MONGODB, SQL_DATABASES
from shared.sources.definition import SourceDefinition
from shared.sources.references import find_text, references_in
from shared.sources.registry import Sources
from shared.terminal_text import escape

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    help="The sources in sources/, one YAML file each: draft, list, check and preview them, and what they send.",
)
for _command in (init, schema, accept):
    app.command(_command.__name__, cls=PlainCommand)(_command)
SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="Id of the source: the name of its file.")]
SourcesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Ids of sources. Default: all of them.")
]


@dataclass(frozen=True)
class SourceStatus:
    """One source, and what keeps it from being read."""

    source_id: str
    definition: SourceDefinition | None
    problem: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        known = self.definition
        return {
            "id": self.source_id,
            "name": known.name if known else None,
            "connector": known.connector if known else None,
            "schedule": known.schedule if known else None,
            "enabled": known.enabled if known else None,
            "start_date": known.start_date if known else None,
            "problem": self.problem,
        }


@app.command("list", cls=PlainCommand)
def list_sources(as_json: JsonOption = False) -> None:
    """List every source, and what is missing or wrong. Exits with 2 when an enabled source cannot be read."""
    with exit_code():
        sources = load_source_settings().sources
        found = [status_of(sources, each) for each in sources.ids]
        if as_json:
            print_json({"directory": str(sources.directory), "sources": [each.as_dict() for each in found]})
        elif found:
            console().print(_table(found))
        else:
            typer.echo(f"There is no source in {sources.directory}. docs/SOURCES.md says how to add one.", err=True)
        raise typer.Exit(2 if not found or any(each.problem for each in found) else 0)


@app.command("show", cls=PlainCommand)
def show(source: SourceArgument, as_json: JsonOption = False) -> None:
    """Show a definition with its defaults, and where each variable that it names comes from. No secret is shown."""
    with exit_code():
        sources = load_source_settings().sources
        definition = sources.get(source)
        given = definition.model_dump(mode="json")
        variables = {each.name: _origin(sources, each) for each in references_in(definition.connection)}
        if as_json:
            print_json({"definition": given, "digest": definition.digest, "variables": variables})
            return
        typer.echo(yaml.safe_dump(given, sort_keys=False, allow_unicode=True), nl=False)
        for name, origin in variables.items():
            typer.echo(f"# {name}: {origin}")


@app.command("check", cls=PlainCommand)
def check(
    source: SourcesArgument = None,
    offline: Annotated[bool, typer.Option("--offline", help="Check the definitions only; connect to nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check definitions, their variables, and that each source can be read. Exits with 2 when a source has a problem.

    A disabled source is checked only when it is named.
    """
    with exit_code():
        settings = load_source_settings()
        sources = settings.sources
        sources.check_known(source or ())
        chosen = source or sources.enabled()
        if not chosen:
            raise FixConfiguration(f"There is no source to check in {sources.directory}. See docs/SOURCES.md.")
        problems = {each: _problem(settings, each, offline=offline) for each in chosen}
        if as_json:
            print_json({"ok": not any(problems.values()), "problems": problems})
        else:
            for name, problem in problems.items():
                typer.echo(problem if problem else f"{name}: ok", err=bool(problem))
        raise typer.Exit(2 if any(problems.values()) else 0)


@app.command("preview", cls=PlainCommand)
def preview(
    source: SourceArgument,
    day: DateArgument = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many lines to read.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Read the first lines of a date from the source and show what would be landed. Nothing is written.

    The source may be disabled. Exits with 1 when every line is rejected.
    """
    with exit_code():
        settings = load_source_settings()
        chosen = business_date(day, settings)
        definition = settings.sources.readable(source, chosen)
        records, rejected = _read(settings, definition, chosen, limit)
        if as_json:
            print_json({"source": source, "business_date": chosen, "records": records, "rejected": rejected})
        elif not records and not rejected:
            typer.echo(f"{source} has no sales on {chosen}.")
        else:
            lines = counted(len(records) + len(rejected), "line")
            console().print(_records_table(f"{source} on {chosen}: {len(records)} of the first {lines}", records))
            for each in rejected:
                which = "" if each["transaction_id"] is None else f" {each['transaction_id']}"
                typer.echo(f"rejected{which}: {each['position']}: {each['reason']} ({each['code']})", err=True)
        raise typer.Exit(1 if rejected and not records else 0)


app.command("load", cls=PlainCommand)(load)
app.command("files", cls=PlainCommand)(files)


def status_of(sources: Sources, source_id: str, *, even_disabled: bool = False) -> SourceStatus:
    """A source and what is missing or wrong. A disabled one lacks nothing, unless `even_disabled`."""
    definition = sources.find(source_id)
    if definition is None:
        return SourceStatus(source_id, None, sources.broken[source_id])
    if not definition.enabled and not even_disabled:
        return SourceStatus(source_id, definition)
    try:
        if definition.mapping is not None:
            _check_mapping(definition)
        if definition.connector != FILES:
            _check_connector(definition)
        if definition.connection is not None:
            sources.connect(source_id)
    except FixConfiguration as error:
        return SourceStatus(source_id, definition, str(error))
    return SourceStatus(source_id, definition)


def _problem(settings: SourceSettings, source_id: str, *, offline: bool) -> str | None:
    found = status_of(settings.sources, source_id, even_disabled=True)
    if found.problem or (found.definition and found.definition.connector == FILES):
        return found.problem or (None if offline else _location_problem(settings.sources, source_id))
    try:
        with _connector(settings, source_id) as connector:
            if not offline:
                connector.check(business_date(None, settings))
    except RetailError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a connector of the user's own; the others are still checked
        from ingestion.connectors.registry import describe_failure

        return f"{describe_failure(settings.sources.get(source_id), error)}."
    return None


def _location_problem(sources: Sources, source_id: str) -> str | None:
    """Why the files of a source cannot be listed, if they are dropped in a location."""
    from ingestion.connectors.drops.connect import open_place

    if not sources.get(source_id).has_drops:
        return None
    try:
        with open_place(source_id, sources, lambda: load_settings().s3) as place:
            place.list()
    except RetailError as error:
        return str(error)
    return None


def _check_mapping(definition: SourceDefinition) -> None:
    from ingestion.mapping.layouts import mapping_of
    from ingestion.mapping.tables import document_mapping, table_mapping

    if definition.connector == MONGODB:
        document_mapping(definition)
    else:
        table_mapping(definition) if definition.connector in SQL_DATABASES else mapping_of(definition)


def _check_connector(definition: SourceDefinition) -> None:
    from ingestion.connectors.registry import connector_class

    connector_class(definition)


@contextmanager
def _connector(settings: SourceSettings, source_id: str) -> Iterator[Any]:
    from ingestion.connectors.protocol import Runtime
    from ingestion.connectors.registry import build

    connector = build(source_id, settings, Runtime())
    try:
        yield connector
    finally:
        connector.close()


def _read(settings: SourceSettings, source: SourceDefinition, day: date, limit: int) -> tuple[list[Any], list[Any]]:
    from ingestion.connectors.registry import describe_failure, place_of
    from ingestion.landing.preview import preview_date

    try:
        with _connector(settings, source.id) as connector:
            found = preview_date(connector, day, limit)
    except RetailError:
        raise
    except Exception as error:
        if not place_of(source, error):
            raise
        raise StopRun(f"{describe_failure(source, error)}.") from error
    return [each.model_dump(mode="json") for each in found.records], [each.as_dict() for each in found.rejected]


def _origin(sources: Sources, reference: Any) -> str:
    if sources.environ.get(reference.name):
        return "set"
    try:
        if not find_text(reference, sources.environ):
            return "missing"
    except FixConfiguration as error:
        return str(error)
    return "default" if reference.default else "set, from a file"


def _table(found: list[SourceStatus]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("id", "name", "connector", "schedule"):
        table.add_column(name, no_wrap=True)
    table.add_column("state", overflow="fold")
    for each in found:
        known = each.definition
        facts = (known.name, known.connector, known.schedule) if known else ("", "", "")
        state = "disabled" if known and not known.enabled else each.problem or "ready"
        table.add_row(*(escape(text) for text in (each.source_id, *facts, state)))
    return table


def _records_table(title: str, records: list[Any]) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="dim")
    for name in ("transaction", "line", "type", "sold at (UTC)", "store", "product"):
        table.add_column(name)
    for name in ("quantity", "price", "net amount"):
        table.add_column(name, justify="right")
    for each in records:
        texts = (each["transaction_id"], each["line_id"], each["line_type"], each["sold_at"], each["store_id"])
        product = each["product_name"] or each["product_id"]
        money = f"{each['net_amount']} {each['currency']}"
        table.add_row(*map(escape, (*texts, product)), each["net_quantity"], each["unit_price"], money)
    return table
