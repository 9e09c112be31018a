"""The demo's facts on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from local_stack.demo_facts import COUNTS, DemoFacts, Row
from local_stack.demo_runs import DayRun

VIEW_COLUMNS = {
    "mv_daily_sales_summary": (
        "business_date",
        "retailer_id",
        "currency",
        "transaction_count",
        "line_count",
        "net_amount",
    ),
    "mv_top_products_by_revenue": (),
}
WIDEST_VIEW = 7


def show(console: Console, facts: DemoFacts) -> None:
    """Print what happened: records by hop, reconciliation, quality, two views."""
    console.print(_records(facts))
    for row in facts.also_rewritten:
        console.print(
            f"[dim]{row['retailer_id']} {row['business_date']} was loaded again beside it:"
            f" {row['updated']} corrected, {row['inserted']} late, {row['withdrawn']} withdrawn.[/dim]"
        )
    for problem in facts.problems:
        console.print(f"[red]✗ {problem}[/red]")
    if not facts.problems:
        console.print(
            "[green]✓ Reconciled:[/green] fetched = landed + rejected; landed = inserted + updated + unchanged +"
            " duplicate; ledger, fact_sales, S3 manifests and the retailers' own books agree to the cent."
        )
    quality = facts.quality
    colour = {"pass": "green", "warn": "yellow"}.get(quality["verdict"], "red")
    score = "no score" if quality["score"] is None else f"{quality['score']:.2f} of 100"
    console.print(f"[{colour}]Quality: {quality['verdict']}[/{colour}], lowest daily score {score}")
    for name, rows in facts.views.items():
        console.print(_view(name, rows))


def _records(facts: DemoFacts) -> Table:
    table = Table(title="Records by retailer, day and hop")
    for name in ("retailer", "day"):
        table.add_column(name, no_wrap=True)
    for name in (*COUNTS, "net amount"):
        table.add_column(name.replace("_", " "), justify="right")
    for retailer, days in facts.retailers.items():
        for day, row in days.items():
            money = "\n".join(f"{Decimal(amount):,.2f} {currency}" for currency, amount in row["net_amount"].items())
            table.add_row(retailer, day, *(_number(row[name]) for name in COUNTS), money)
    return table


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _view(name: str, rows: Sequence[Row]) -> Table:
    columns = VIEW_COLUMNS.get(name) or tuple(rows[0])[:WIDEST_VIEW] if rows else ()
    table = Table(title=f"{name}: first lines" if rows else f"{name}: empty", title_justify="left")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(str(plain(row[column])) for column in columns))
    return table


def as_json(runs: Sequence[DayRun], facts: DemoFacts | None, postgres: dict[str, str], **more: Any) -> dict[str, Any]:
    """The same facts for programs."""
    record: dict[str, Any] = {
        "runs": [
            {"date": run.day.isoformat(), "run_id": run.run_id, "state": run.state, "problems": list(run.problems)}
            for run in runs
        ],
        "postgres": postgres,
        **more,
    }
    if facts:
        record |= {
            "days": [day.isoformat() for day in facts.days],
            "retailers": facts.retailers,
            "also_rewritten": list(facts.also_rewritten),
            "changed_rows": facts.changed_rows,
            "reconciled": not facts.problems,
            "problems": list(facts.problems),
            "quality": facts.quality,
            "views": {
                name: [{key: plain(value) for key, value in row.items()} for row in rows]
                for name, rows in facts.views.items()
            },
            "warehouse_digest": facts.digest,
        }
    return record


def plain(value: object) -> object:
    """A value as JSON and a terminal show it: money as its exact decimal text, dates as ISO 8601."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value
