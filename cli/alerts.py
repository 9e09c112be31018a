"""`retail alerts`: problems that need attention, who works on them, and whether the channels work."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.table import Table

from cli.deferred import PlainCommand, PlainGroup
from cli.ledger import AnyRetailerOption
from cli.warehouse import Row, rows
from monitoring.alerts.delivery import checked_channels, deliver
from monitoring.alerts.manual import Operator, Outcome, acknowledge, resolve
from monitoring.alerts.messages import AlertMessage
from monitoring.alerts.model import SEVERITIES
from shared.commands import JsonOption, business_date, console, exit_code, one_line, print_json
from shared.config import load_settings
from shared.errors import FixConfiguration
from shared.logs import configure_logging
from shared.terminal_text import escape

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    help="Problems that need attention until they are resolved, and the channels that report them.",
)
Status = Literal["open", "acknowledged", "resolved"]
Severity = Literal["info", "warning", "error", "critical"]
IdsArgument = Annotated[list[int], typer.Argument(metavar="ID...", help="Their numbers in the list.")]
NoteOption = Annotated[str | None, typer.Option(callback=one_line, help="A note for other users, one line.")]
COLORS = {"critical": "bold red", "error": "red", "warning": "yellow"}


@app.callback()
def _alerts() -> None:
    configure_logging()


@app.command("list", cls=PlainCommand)
def list_alerts(
    status: Annotated[Status | None, typer.Option(metavar="STATUS", help="open, acknowledged or resolved.")] = None,
    severity: Annotated[
        Severity | None,
        typer.Option(metavar="SEVERITY", help="This one or higher: info, warning, error, critical."),
    ] = None,
    retailer: AnyRetailerOption = None,
    day: Annotated[str | None, typer.Option("--date", help="Only of this business date, YYYY-MM-DD.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Include resolved alerts.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the latest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List alerts that are not resolved, the latest first."""
    with exit_code():
        statuses = [status] if status else None if everything else ["open", "acknowledged"]
        found = rows(
            "list_alerts",
            statuses=statuses,
            severities=list(SEVERITIES[SEVERITIES.index(severity) :]) if severity else None,
            retailer=retailer,
            day=business_date(day, load_settings()) if day else None,
            limit=limit,
        )
        matching = found[0]["matching"] if found else 0
        alerts = [{name: value for name, value in row.items() if name != "matching"} for row in found]
        if as_json:
            print_json({"matching": matching, "alerts": alerts})
        elif alerts:
            console().print(_table(alerts))
            typer.echo(f"{len(alerts):,} of {matching:,} shown. What to do about one: retail alerts show ID")
        else:
            typer.echo("No alert matches." if status or everything else "No alert is open.")


@app.command("show", cls=PlainCommand)
def show(
    alert: Annotated[int, typer.Argument(metavar="ID", help="Its number in the list.")],
    as_json: JsonOption = False,
) -> None:
    """Show an alert with its reason and what to do."""
    with exit_code():
        found = rows("show_alert", id=alert)
        if not found:
            raise FixConfiguration(f"Alert {alert} does not exist. List them: retail alerts list --all")
        if as_json:
            print_json(found[0])
            return
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in found[0].items():
            if value not in (None, ""):
                table.add_row(f"[dim]{name.replace('_', ' ')}[/]", escape(_shown(value)))
        console().print(table)


@app.command("ack", cls=PlainCommand)
def ack(alerts: IdsArgument, note: NoteOption = None, as_json: JsonOption = False) -> None:
    """Acknowledge alerts: they stay until resolved, but no further messages are sent about them."""
    with exit_code():
        operator = Operator(getpass.getuser(), note)
        _report("acknowledged", acknowledge(_dsn(), alerts, operator, clock=_now), as_json)


@app.command("resolve", cls=PlainCommand)
def resolve_manually(alerts: IdsArgument, note: NoteOption = None, as_json: JsonOption = False) -> None:
    """Resolve alerts. Most are resolved automatically; if the cause occurs again, a new alert is opened."""
    with exit_code():
        operator = Operator(getpass.getuser(), note)
        _report("resolved", resolve(_dsn(), alerts, operator, clock=_now), as_json)


@app.command("test", cls=PlainCommand)
def send_test(
    severity: Annotated[
        Severity,
        typer.Option(metavar="SEVERITY", help="info, warning, error or critical; selects the channels."),
    ] = "critical",
    as_json: JsonOption = False,
) -> None:
    """Send a test message through every channel of ALERT_CHANNELS and show which accepted it.

    Exits with 1 when a channel did not accept it, with 2 when none is set or one is not a URL. A PagerDuty incident is
    closed immediately.
    """
    with exit_code():
        channels = checked_channels()
        wanted = [each for each in channels if each.wants(severity)]
        notice = AlertMessage(severity, f"[TEST] {severity} message of the retail platform", _body(), key="test")
        failed = deliver(notice, wanted)
        deliver(replace(notice, is_good=True), [each for each in wanted if each.keeps_incidents])
        results = {each.name: failed.get(each, "sent" if each in wanted else "") for each in channels}
        if as_json:
            print_json({"ok": not failed, "severity": severity, "channels": results})
        else:
            for each in channels:
                typer.echo(f"{each.name}: {results[each.name] or f'skipped, it receives {each.least} and higher'}")
        raise typer.Exit(1 if failed else 0)


def _body() -> str:
    return f"Sent by {getpass.getuser()} with: retail alerts test. Nothing is wrong."


def _dsn() -> str:
    return load_settings().warehouse_dsn.get_secret_value()


def _now() -> datetime:
    return datetime.now(UTC)


def _report(what: str, outcome: Outcome, as_json: bool) -> None:
    if as_json:
        print_json({"ok": not outcome.rejected, what: outcome.done, "rejected": outcome.rejected})
    elif outcome.done:
        typer.echo(f"Alert {', '.join(map(str, outcome.done))}: {what}.")
    for reason in () if as_json else outcome.rejected.values():
        typer.echo(reason, err=True)
    raise typer.Exit(1 if outcome.rejected else 0)


def _table(alerts: Sequence[Row]) -> Table:
    table = Table(title="Alerts", title_justify="left", box=None, header_style="dim")
    for name in ("id", "severity", "status", "kind", "retailer", "date", "times", "last seen (UTC)"):
        table.add_column(name, no_wrap=True, justify="right" if name in ("id", "times") else "left")
    table.add_column("what", overflow="fold")
    for each in alerts:
        color = COLORS.get(each["severity"], "default")
        who = f"acknowledged by {each['acknowledged_by']}" if each["status"] == "acknowledged" else each["status"]
        table.add_row(
            str(each["alert_id"]),
            f"[{color}]{each['severity']}[/]",
            escape(who),
            each["kind"],
            escape(each["retailer_id"] or ""),
            str(each["business_date"] or ""),
            str(each["occurrences"]),
            f"{each['last_seen_at']:%Y-%m-%d %H:%M}",
            escape(each["summary"]),
        )
    return table


def _shown(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else str(value)
