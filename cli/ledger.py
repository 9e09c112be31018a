"""`retail loads`, `ledger` and `digest`: what was published, according to the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.warehouse import Row, rows
from shared.commands import DateArgument, JsonOption, business_date, console, exit_code, print_json
from shared.config import load_settings
from shared.terminal_text import escape

AnyRetailerOption = Annotated[str | None, typer.Option("--retailer", help="Only this retailer. Default: all.")]
OUTCOMES = (
    "fetched",
    "rejected",
    "landed",
    "inserted",
    "updated",
    "unchanged",
    "duplicate",
    "withdrawn",
    "in_warehouse",
)


def digest() -> None:
    """Print a digest of all published data; equal data has an equal digest."""
    with exit_code():
        typer.echo(rows("digest")[0]["digest"])


def loads(
    retailer: AnyRetailerOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the latest loads and where their records went.

    A load is one transaction that publishes one or more business dates of a retailer.
    """
    with exit_code():
        found = rows("list_loads", retailer=retailer, limit=limit)
        if as_json:
            print_json(found)
        elif not found:
            typer.echo("Nothing has been published yet. Start with: retail run, or retail etl --source FILE")
        else:
            console().print(_loads_table(found))


def _loads_table(found: Sequence[Row]) -> Table:
    table = Table(title="Loads, newest first", title_justify="left", box=None, header_style="dim")
    for name in ("load", "published (UTC)", "retailer", "dates", "path"):
        table.add_column(name, no_wrap=name != "dates")
    for name in OUTCOMES:
        table.add_column(name.replace("_", " "), justify="right")
    for each in found:
        days = str(each["first_date"])
        if each["partitions"] > 1:
            days += f" to {each['last_date']} ({each['partitions']})"
        table.add_row(
            str(each["load_id"]),
            f"{each['published_at']:%Y-%m-%d %H:%M:%S}",
            escape(each["retailer_id"]),
            days,
            str(each["load_path"]),
            *(f"{each[name]:,}" for name in OUTCOMES),
        )
    return table


def ledger(
    day: DateArgument = None,
    retailer: AnyRetailerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where every record and cent of a business date went.

    Fetched = landed + rejected; landed = inserted + updated + unchanged + duplicate. The figures are those of
    the latest load of each retailer. Exits with 1 when nothing was published for the date.
    """
    with exit_code():
        chosen = business_date(day, load_settings())
        entries = _entries(rows("show_ledger", day=chosen, retailer=retailer))
        if as_json:
            print_json({"business_date": chosen, "partitions": entries})
        elif entries:
            console().print(_ledger_table(str(chosen), entries))
        if not entries:
            whose = f" of {retailer}" if retailer else ""
            typer.echo(f"Nothing{whose} was published for {chosen}. Run: retail run {chosen}", err=True)
            raise typer.Exit(1)


def _entries(found: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry per partition, its money by currency."""
    entries = []
    for _, group in groupby(found, key=lambda row: row["retailer_id"]):
        lines = list(group)
        shared = {key: lines[0][key] for key in ("retailer_id", "load_id", "run_id", "recorded_at", "source_sha256")}
        money = {line["currency"]: line["money"] for line in lines if line["currency"]}
        entries.append({**shared, "records": lines[0]["records"], "money": money})
    return entries


def _ledger_table(day: str, entries: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=f"Ledger of {day}", title_justify="left", box=None, header_style="dim")
    for name in ("retailer", "load", ""):
        table.add_column(name, no_wrap=True)
    for name in ("reported", *OUTCOMES):
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    for entry in entries:
        counts = (_count(entry["records"].get(name)) for name in ("reported", *OUTCOMES))
        table.add_row(escape(entry["retailer_id"]), str(entry["load_id"]), "records", *counts)
        for currency, amounts in entry["money"].items():
            table.add_row("", "", currency, *(_amount(amounts.get(name)) for name in ("reported", *OUTCOMES)))
    return table


def _count(value: int | None) -> str:
    """A count; the only one that can be absent is that of the retailer's control report."""
    return "no report" if value is None else f"{value:,}"


def _amount(value: str | None) -> str:
    return "" if value is None else f"{Decimal(value):,.2f}"
