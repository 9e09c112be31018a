"""`retail reconcile`: whether source, raw zone, Parquet, facts, summaries and views hold the same sales."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from shared.commands import JsonOption, business_date, console, exit_code, print_json
from shared.config import Settings, load_settings
from shared.errors import FixConfiguration
from shared.logs import configure_logging
from shared.terminal_text import escape

if TYPE_CHECKING:
    from pipeline.reconciliation.model import Report

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
Range = tuple[date | None, date]


def reconcile(
    dates: Annotated[
        str | None,
        typer.Argument(
            metavar="DATE|RANGE",
            help="A date, a month (2024-01), or a range (2024-01-01..2024-03-31; either end may be left out)."
            " Default: the 35 dates up to yesterday.",
        ),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only this source; may be repeated. Default: all.")
    ] = None,
    recount: Annotated[
        bool,
        typer.Option("--recount", help="Also read the listings of the sources again, and compare every line."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what every store holds, from the source to the views, and show where a difference arises.

    Reads the raw objects, the Parquet objects, fact_sales, the summaries and the views, and compares lines, quantities
    and money per currency, and a digest of the rows. Changes nothing, and may run while loads run. Exits with 1 when
    something differs; dates that are landed and not published do not differ.
    """
    from pipeline.reconciliation.reconcile import reconcile as compare

    configure_logging()
    with exit_code():
        settings = load_settings()
        first, last = chosen_range(dates, settings)
        out = Console(stderr=True, highlight=False, soft_wrap=True)
        with out.status("Reconciling") as status:
            report = compare(
                settings,
                first,
                last,
                sources=source or (),
                recount=recount,
                progress=lambda step, share: status.update(f"Reconciling {escape(step)}, {share:.0%}"),
            )
        if as_json:
            print_json(report.as_dict())
        else:
            show(report)
        raise typer.Exit(0 if report.ok else 1)


def chosen_range(text: str | None, settings: Settings) -> Range:
    """The first and last date that are meant; None for the earliest. Raises FixConfiguration."""
    from pipeline.reconciliation.model import DAYS

    if text is None:
        yesterday = settings.business_yesterday(datetime.now(UTC))
        return yesterday - timedelta(days=DAYS - 1), yesterday
    if _MONTH.fullmatch(text):
        first = business_date(f"{text}-01", settings)
        end = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return first, min(end, max(first, settings.business_yesterday(datetime.now(UTC))))
    begin, separator, until = text.partition("..")
    if not separator:
        day = business_date(text, settings)
        return day, day
    first_day = business_date(begin, settings) if begin else None
    last_day = business_date(until or None, settings)
    if first_day and first_day > last_day:
        raise FixConfiguration(f"{first_day} is after {last_day}. Give the earlier date first.")
    return first_day, last_day


def show(report: Report) -> None:
    """The differences and notes as a table, then one line, then what to do next."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("source", "date", "arises in"):
        table.add_column(name, no_wrap=True)
    table.add_column("what differs", overflow="fold")
    remedies: dict[str, None] = {}
    for each in report.dates:
        for one in each.differences:
            table.add_row(escape(each.retailer_id), str(each.business_date), f"[red]{one.hop}[/]", escape(str(one)))
            remedies |= dict.fromkeys([one.what_to_do])
        if each.state.value not in ("equal", "differs"):
            notes = "; ".join(each.notes)
            table.add_row(escape(each.retailer_id), str(each.business_date), each.state.value, escape(notes))
    for view in report.views:
        for one in view.differences:
            table.add_row(escape(view.retailer_id), "", f"[red]{one.hop}[/]", escape(str(one)))
            remedies |= dict.fromkeys([one.what_to_do])
        for note in view.notes:
            table.add_row(escape(view.retailer_id), "", "views", escape(note))
    if table.row_count:
        console().print(table)
    typer.echo(f"{report.summary}.")
    if shown := [each for each in remedies if each]:
        typer.echo("\n".join(["What to do:", *(f"* {each}" for each in shown)]), err=True)
