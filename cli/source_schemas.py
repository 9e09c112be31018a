"""`retail sources schema` and `accept`: what a source sends, how that has changed, and accepting a change."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from shared.commands import JsonOption, console, exit_code, print_json
from shared.config import load_settings
from shared.counts import counted
from shared.database import session, transaction
from shared.errors import FixConfiguration
from shared.terminal_text import escape

SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="Id of the source.")]


def schema(
    source: SourceArgument,
    history: Annotated[bool, typer.Option("--history", help="Show what has changed, the latest first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the fields that a source sends, and a change that waits to be accepted."""
    with exit_code():
        versions = _versions(source)
        if as_json:
            print_json({"source": source, "versions": versions if history else versions[:1]})
        elif history:
            _show_history(versions)
        else:
            _show_current(source, versions)


def accept(source: SourceArgument) -> None:
    """Accept what a source with the contract freeze or reject sends now. The next run lands it."""
    from ingestion.schema_contracts import store
    from ingestion.schema_contracts.differences import Change

    with exit_code():
        dsn = load_settings().warehouse_dsn.get_secret_value()
        with session(dsn, application_name="retail-cli") as connection, transaction(connection) as cursor:
            changes = store.accept(cursor, source, getpass.getuser(), datetime.now(UTC))
        for each in changes:
            typer.echo(escape(f"accepted: {Change(**each).sentence()}"))
        typer.echo(f"The next run of {source} compares with this schema.", err=True)


def _versions(source: str) -> list[dict[str, Any]]:
    from ingestion.schema_contracts import store

    dsn = load_settings().warehouse_dsn.get_secret_value()
    with session(dsn, application_name="retail-cli") as connection, transaction(connection) as cursor:
        found = store.list_versions(cursor, source)
    if not found:
        raise FixConfiguration(
            f"Nothing is known of what {source} sends: nothing of it was landed since schemas are recorded."
        )
    found.sort(key=lambda each: (each["status"] != "current", -each["version"]))
    return found


def _show_current(source: str, versions: list[dict[str, Any]]) -> None:
    current = versions[0]
    title = f"{source}: version {current['version']}, from {counted(current['records'], 'record')}"
    table = Table(title=title, title_justify="left", box=None, header_style="dim")
    for name in ("field", "types"):
        table.add_column(name, overflow="fold")
    table.add_column("there in", justify="right")
    for path, each in current["fields"].items():
        types = ", ".join(each["types"]) or "always null"
        table.add_row(escape(path), types, f"{each['share']:.1%}")
    console().print(table)
    for waiting in versions:
        if waiting["status"] == "pending":
            typer.echo(f"A change waits since {_since(waiting)}:", err=True)
            for line in _sentences(waiting):
                typer.echo(f"  {line}", err=True)
            typer.echo(f"To accept it: retail sources accept {source}", err=True)


def _show_history(versions: list[dict[str, Any]]) -> None:
    for each in sorted(versions, key=lambda each: -each["version"]):
        by = f", accepted by {each['accepted_by']}" if each["accepted_by"] else ""
        typer.echo(escape(f"version {each['version']} ({each['status']}), since {_since(each)}{by}"))
        for line in _sentences(each) or [f"the first: {counted(len(each['fields']), 'field')}"]:
            typer.echo(f"  {line}")


def _sentences(version: dict[str, Any]) -> list[str]:
    from ingestion.schema_contracts.differences import Change

    return [escape(Change(**each).sentence()) for each in version["changes"]]


def _since(version: dict[str, Any]) -> str:
    day = f"the business date {version['business_date']}, seen " if version["business_date"] else ""
    return f"{day}{version['first_seen_at']:%Y-%m-%d %H:%M} UTC"
