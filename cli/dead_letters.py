"""`retail dead-letters`: records that were rejected, with the reason and their payload."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

import typer
from rich.table import Table

from cli.deferred import PlainCommand, PlainGroup
from cli.ledger import AnyRetailerOption
from cli.warehouse import Row, rows
from shared.commands import JsonOption, business_date, console, exit_code, print_json
from shared.config import load_settings
from shared.errors import FixConfiguration
from shared.terminal_text import escape, printable

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    help="Records that were rejected, with the reason and their payload.",
)
Status = Literal["open", "resolved", "replayed", "discarded", "all"]


@app.command("list", cls=PlainCommand)
def list_dead_letters(
    retailer: AnyRetailerOption = None,
    day: Annotated[str | None, typer.Option("--date", help="Only of this business date, YYYY-MM-DD.")] = None,
    code: Annotated[str | None, typer.Option(help="Only with this reason code, for example NEGATIVE_PRICE.")] = None,
    status: Annotated[Status, typer.Option(metavar="STATUS", help=f"One of {', '.join(get_args(Status))}.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List rejected records. Records that their source has corrected are `resolved`; to include them: --status all."""
    with exit_code():
        found = rows(
            "list_dead_letters",
            retailer=retailer,
            day=business_date(day, load_settings()) if day else None,
            code=code,
            status=None if status == "all" else status,
            limit=limit,
        )
        matching = found[0]["matching"] if found else 0
        dead_letters = [{name: value for name, value in row.items() if name != "matching"} for row in found]
        if as_json:
            print_json({"matching": matching, "dead_letters": dead_letters})
        elif dead_letters:
            console().print(_table(dead_letters))
            typer.echo(f"{len(dead_letters):,} of {matching:,} shown. With its payload: retail dead-letters show ID")
        else:
            typer.echo("No dead letter matches.")


@app.command("show", cls=PlainCommand)
def show_dead_letter(
    dead_letter: Annotated[int, typer.Argument(metavar="ID", help="Its number in the list.")],
    as_json: JsonOption = False,
) -> None:
    """Show a rejected record with its payload."""
    with exit_code():
        found = rows("show_dead_letter", id=dead_letter)
        if not found:
            raise FixConfiguration(
                f"Dead letter {dead_letter} does not exist. List them: retail dead-letters list --status all"
            )
        if as_json:
            print_json({**found[0], "payload": _payload(found[0]["payload"])})
            return
        table = Table(box=None, show_header=False, pad_edge=False)
        for name, value in found[0].items():
            if name != "payload":
                table.add_row(f"[dim]{name.replace('_', ' ')}[/]", escape(str(value)))
        console().print(table)
        payload = _payload(found[0]["payload"])
        shown = payload if isinstance(payload, str) else json.dumps(payload, indent=2, ensure_ascii=False)
        typer.echo(printable(shown))


def _payload(text: str) -> object:
    """The payload as JSON; as text where only its beginning is kept."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _table(dead_letters: Sequence[Row]) -> Table:
    table = Table(title="Dead letters, newest first", title_justify="left", box=None, header_style="dim")
    for name in ("id", "retailer", "date", "code", "position", "status"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason", overflow="fold")
    for each in dead_letters:
        cells = ("dead_letter_id", "retailer_id", "business_date", "reason_code", "position", "status", "reason")
        table.add_row(*(escape(str(each[name])) for name in cells))
    return table
