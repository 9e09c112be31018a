"""The demo's results on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from local_stack.demo_facts import DemoFacts, Row
from local_stack.demo_runs import DayRun

STEPS = ("reported", "fetched", "rejected", "landed", "in_warehouse")
HEADERS = {"in_warehouse": "stored"}
"""Where a count's own name is too long for 80 columns; `retail transform` uses the same header."""
LOAD = ("landed", "inserted", "updated", "unchanged", "duplicate", "withdrawn")
VIEW_COLUMNS = {
    "mv_daily_sales_summary": (
        "business_date",
        "retailer_id",
        "currency",
        "transaction_count",
        "line_count",
        "net_amount",
    ),
    "mv_top_products_by_revenue": ("revenue_rank", "retailer_id", "product_name", "category", "currency", "net_amount"),
}


def show(console: Console, facts: DemoFacts) -> None:
    """Print the results: records per step, what the load did, reconciliation, quality, two views."""
    console.print(_records(facts, "Records: from the control report to the warehouse", STEPS, money=True))
    console.print()
    console.print(_records(facts, "What the load did with the landed records", LOAD, money=False))
    console.print()
    for row in facts.also_rewritten:
        if not (row["inserted"] or row["updated"] or row["withdrawn"]):
            continue
        console.print(
            f"{row['retailer_id']} {row['business_date']} was loaded again for late changes:"
            f" {row['updated']} updated, {row['inserted']} inserted, {row['withdrawn']} withdrawn"
        )
    for problem in facts.problems:
        console.print(f"[red]✗ {problem}[/red]")
    if not facts.problems:
        console.print(
            "[green]✓ Reconciled[/green]: fetched = landed + rejected;"
            " landed = inserted + updated + unchanged + duplicate;\n"
            "  ledger, fact_sales, S3 manifests and the retailers' control reports agree to the cent"
        )
    quality = facts.quality
    colour = {"pass": "green", "warn": "yellow"}.get(quality["outcome"], "red")
    score = "no score" if quality["score"] is None else f"{quality['score']:.2f} of 100"
    console.print(
        f"[{colour}]{'✗' if colour == 'red' else '✓'} Quality: {quality['outcome']}[/{colour}], score {score}\n"
    )
    for name, rows in facts.views.items():
        console.print(_view(name, rows))
        console.print()


def _table(title: str) -> Table:
    """A table that fits a terminal of 80 columns."""
    return Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0), header_style="dim"
    )


def _records(facts: DemoFacts, title: str, counts: Sequence[str], *, money: bool) -> Table:
    table = _table(title)
    for name in ("retailer", "day"):
        table.add_column(name, no_wrap=True)
    for name in (*counts, *(["net amount"] if money else [])):
        table.add_column(HEADERS.get(name, name), justify="right", no_wrap=True)
    for retailer, days in facts.retailers.items():
        for day, row in days.items():
            amounts = "\n".join(f"{Decimal(amount):,.2f} {code}" for code, amount in sorted(row["net_amount"].items()))
            table.add_row(retailer, day, *(_number(row[name]) for name in counts), *([amounts] if money else []))
    return table


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _view(name: str, rows: Sequence[Row]) -> Table:
    table = _table(f"{name}: first lines" if rows else f"{name} is empty")
    columns = VIEW_COLUMNS[name] if rows else ()
    for column in columns:
        is_number = isinstance(rows[0][column], Decimal | int)
        table.add_column(column.replace("_", " "), justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    return table


def _cell(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal) else str(plain(value))


def as_json(runs: Sequence[DayRun], facts: DemoFacts | None, postgres: dict[str, str], **more: Any) -> dict[str, Any]:
    """The same results for programs."""
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
    """A value for JSON and the terminal: money as exact decimal text, dates as ISO 8601."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value
