"""`retail held`: landed dates that failed a critical check, and the decisions about them."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

import typer
from rich.table import Table

from cli.deferred import PlainCommand, PlainGroup
from cli.ledger import AnyRetailerOption
from cli.warehouse import Row, rows
from shared.commands import JsonOption, business_date, console, exit_code, one_line, print_json
from shared.config import load_settings
from shared.errors import FixConfiguration
from shared.logs import configure_logging
from shared.terminal_text import escape

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    help="Landed dates that failed a critical check and are not published: list them, and decide.",
)
Status = Literal["waiting", "approved", "discarded", "superseded", "all"]
NumberArgument = Annotated[int, typer.Argument(metavar="ID", help="Its number in the list.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", callback=one_line, help="Why; it is kept with the decision. Required.")
]
ByOption = Annotated[
    str | None, typer.Option("--by", callback=one_line, help="Who decides. Default: the user of this session.")
]


@app.command("list", cls=PlainCommand)
def list_held(
    retailer: AnyRetailerOption = None,
    day: Annotated[str | None, typer.Option("--date", help="Only of this business date, YYYY-MM-DD.")] = None,
    status: Annotated[
        Status, typer.Option(metavar="STATUS", help=f"One of {', '.join(get_args(Status))}.")
    ] = "waiting",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List held loads, by default those that wait for a decision."""
    with exit_code():
        found = rows(
            "list_held_loads",
            retailer=retailer,
            day=business_date(day, load_settings()) if day else None,
            status=None if status == "all" else status,
            limit=limit,
        )
        matching = found[0]["matching"] if found else 0
        held = [{name: value for name, value in row.items() if name != "matching"} for row in found]
        if as_json:
            print_json({"matching": matching, "held_loads": held})
        elif held:
            console().print(_table(held))
            typer.echo(f"{len(held):,} of {matching:,} shown. What failed, and what to do: retail held show ID")
        else:
            typer.echo("No held load matches.")


@app.command("show", cls=PlainCommand)
def show_held(number: NumberArgument, as_json: JsonOption = False) -> None:
    """Show a held load: what failed, with expected and actual values, and what was decided."""
    with exit_code():
        found = rows("show_held_load", id=number)
        if not found:
            raise FixConfiguration(f"Held load {number} does not exist. List them: retail held list --status all")
        if as_json:
            print_json(found[0])
            return
        table = Table(box=None, show_header=False, pad_edge=False)
        for name, value in found[0].items():
            if name != "failed_checks" and value is not None:
                table.add_row(f"[dim]{name.replace('_', ' ')}[/]", escape(str(value)))
        for each in found[0]["failed_checks"]:
            table.add_row("[dim]failed[/]", escape(f"{each['check']}: {each['message']}"))
        console().print(table)
        if found[0]["status"] == "waiting":
            typer.echo(
                f"Publish it all the same: retail held approve {number} --reason …\n"
                f"Keep what readers see now: retail held discard {number} --reason …"
            )


@app.command("approve", cls=PlainCommand)
def approve(
    number: NumberArgument,
    reason: ReasonOption,
    by: ByOption = None,
    publish: Annotated[
        bool, typer.Option("--publish/--no-publish", help="Publish it now, or leave it to the next load of the date.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Approve exactly this content: it is published although its checks fail, now and by later loads.

    Discarded content can be approved as well. Exits with 3 when the date fails another check and stays held.
    """
    from data_quality.held_loads.decisions import Decision
    from pipeline.held_loads import publish_approved, record_decision

    configure_logging()
    with exit_code():
        settings = load_settings()
        held = record_decision(settings, number, Decision.APPROVED, user=_user(by), reason=_given(reason))
        result = publish_approved(settings, held) if publish else None
        facts: dict[str, Any] = {
            "held_load_id": held.held_load_id,
            "retailer_id": held.retailer_id,
            "business_date": held.business_date,
            "status": Decision.APPROVED.value,
            "transformed": result.as_dict() if result else None,
        }
        if as_json:
            print_json(facts)
        else:
            typer.echo(f"Approved: {held.place}.")
            if result is None:
                typer.echo(
                    "The next load of the date publishes it, for example:"
                    f" retail transform {held.business_date} --retailer {held.retailer_id}"
                )
            elif result.ok:
                typer.echo(f"Published as load {result.loads[0].load_id}. The views are refreshed.")
        if result and not result.ok:
            typer.echo(f"It is not published: {result.problems}", err=True)
        raise typer.Exit(result.exit_code if result else 0)


@app.command("discard", cls=PlainCommand)
def discard(number: NumberArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Discard exactly this content: it is not tried again until the source has other content.

    Readers keep what was published before. The raw zone keeps the data, so it can still be approved.
    """
    from data_quality.held_loads.decisions import Decision
    from pipeline.held_loads import record_decision

    configure_logging()
    with exit_code():
        held = record_decision(load_settings(), number, Decision.DISCARDED, user=_user(by), reason=_given(reason))
        if as_json:
            print_json(
                {
                    "held_load_id": held.held_load_id,
                    "retailer_id": held.retailer_id,
                    "business_date": held.business_date,
                    "status": Decision.DISCARDED.value,
                }
            )
        else:
            typer.echo(f"Discarded: {held.place}. Readers keep what was published before.")


def _user(by: str | None) -> str:
    return (by or "").strip() or getpass.getuser()


def _given(reason: str) -> str:
    if not reason.strip():
        raise FixConfiguration("Give a reason: --reason 'the source has confirmed the figures'. It is kept.")
    return reason.strip().rstrip(".")


def _table(held: Sequence[Row]) -> Table:
    table = Table(title="Held loads, newest first", title_justify="left", box=None, header_style="dim")
    for name in ("id", "retailer", "date", "status", "records"):
        table.add_column(name, no_wrap=True)
    table.add_column("failed checks", overflow="fold")
    table.add_column("held (UTC)", no_wrap=True)
    table.add_column("decision", overflow="fold")
    for each in held:
        table.add_row(
            str(each["held_load_id"]),
            escape(each["retailer_id"]),
            str(each["business_date"]),
            each["status"],
            f"{each['records']:,}",
            escape(", ".join(each["failed_checks"])),
            f"{each['held_at']:%Y-%m-%d %H:%M}",
            escape(": ".join(filter(None, (each["decided_by"], each["reason"])))),
        )
    return table
