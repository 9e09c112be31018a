"""`retail lineage`: which sources fed which tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.tree import Tree

from cli import lineage_tree
from cli.lineage_tree import Flow, Node
from cli.warehouse import rows
from pipeline.stages import STAGES
from shared.commands import JsonOption, business_date, console, exit_code, print_json
from shared.config import load_settings
from shared.errors import FixConfiguration
from shared.partitions import date_in_key
from shared.terminal_text import escape

_LIKE_A_DATE = re.compile(r"\d[\d./-]*")
"""No data set is named like this."""


def lineage(
    data_set: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA_SET|DATE",
            help="A table, a view, an object's key or a file; or a business date. Default: overview of a date.",
        ),
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="Business date. Default: the latest recorded date.")
    ] = None,
    retailer: Annotated[str | None, typer.Option("--retailer", help="Only this retailer. Default: all.")] = None,
    upstream: Annotated[bool, typer.Option("--upstream", help="Only the sources of the data set.")] = False,
    downstream: Annotated[bool, typer.Option("--downstream", help="Only what the data set feeds.")] = False,
    columns: Annotated[bool, typer.Option("--columns", help="Show the source columns of each column.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show which source fed which table on a business date, with runs and row counts.

    Upstream are the sources of a table or object, downstream is what it feeds. Exits with 1 when no lineage is
    recorded.
    """
    with exit_code():
        if data_set and _LIKE_A_DATE.fullmatch(data_set):
            if day and day != data_set:
                raise FixConfiguration(f"Two dates are given, {data_set} and --date {day}. Give one of them.")
            data_set, day = None, data_set
        chosen = _chosen(day, data_set, retailer)
        flows = _flows(chosen, retailer) if chosen else []
        if not flows:
            _nothing(data_set, chosen)
        if data_set is None:
            _overview(flows, chosen, as_json=as_json)
            return
        found = lineage_tree.find(flows, data_set)
        if not found:
            _nothing(data_set, chosen)
        both = upstream == downstream
        trees = [
            (direction, lineage_tree.tree(flows, each, upstream=direction == "upstream"))
            for each in found
            for direction, is_wanted in (("upstream", upstream or both), ("downstream", downstream or both))
            if is_wanted
        ]
        if as_json:
            print_json({"business_date": chosen, **_as_json(trees)})
            return
        for direction, node in trees:
            console().print(_shown(direction, node, columns=columns))


def _flows(day: date, retailer: str | None) -> Sequence[Flow]:
    return rows("find_flows", day=day, retailer=retailer, stages=[stage.name for stage in STAGES])


def _chosen(day: str | None, data_set: str | None, retailer: str | None) -> date | None:
    if day:
        return business_date(day, load_settings())
    if data_set and (found := date_in_key(data_set)):
        return found
    latest: date | None = rows("latest_lineage_date", data_set=data_set, retailer=retailer)[0]["day"]
    return latest


def _nothing(data_set: str | None, day: date | None) -> None:
    what = f" of {data_set}" if data_set else ""
    when = f" for {day}" if day else ""
    typer.echo(f"No lineage{what} is recorded{when}. To see the latest date: retail lineage", err=True)
    raise typer.Exit(1)


def _as_json(trees: Sequence[tuple[str, Node]]) -> dict[str, list[dict[str, Any]]]:
    by_direction: dict[str, list[dict[str, Any]]] = {}
    for direction, node in trees:
        by_direction.setdefault(direction, []).append(node.as_dict())
    return by_direction


def _overview(flows: Sequence[Flow], day: date | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"business_date": day, "flows": flows})
        return
    table = Table(title=f"Lineage of {day}", title_justify="left", box=None, header_style="dim")
    for name in ("stage", "retailer", "from", "to"):
        table.add_column(name, no_wrap=name != "from", overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("run", overflow="fold")
    merged: dict[tuple[Any, ...], list[Flow]] = {}
    for flow in flows:
        key = (flow["stage"], flow["retailer_id"], flow["target_namespace"], flow["target_name"])
        merged.setdefault(key, []).append(flow)
    for (stage, retailer, _, name), into in merged.items():
        sources = ", ".join(dict.fromkeys(_short(flow["source_name"]) for flow in into))
        facts = (retailer or "", sources, _short(name), _count(into[0]["rows_written"]), into[0]["run_id"])
        table.add_row(stage, *(escape(each) for each in facts))
    console().print(table)


def _shown(direction: str, node: Node, *, columns: bool) -> Tree:
    verb = "is made from" if direction == "upstream" else "feeds"
    shown = Tree(f"[bold]{escape(node.name)}[/] [dim]{escape(node.namespace)}[/] {verb}")
    if not node.children:
        shown.add("[dim]nothing recorded[/]")
    _hang(shown, node.children, columns=columns)
    return shown


def _hang(shown: Tree, nodes: Sequence[Node], *, columns: bool) -> None:
    for node in nodes:
        branch = shown.add(f"[bold]{escape(_short(node.name))}[/] [dim]{escape(node.namespace)}[/]")
        for flow in node.flows:
            branch.label = f"{branch.label}\n{escape(_describe(flow))}"
            if columns:
                made = (f"{name} ← {', '.join(sources)}" for name, sources in flow["columns"].items())
                branch.label += "".join(f"\n  [dim]{escape(each)}[/]" for each in made)
        _hang(branch, node.children, columns=columns)


def _describe(flow: Flow) -> str:
    days = str(flow["business_date"])
    if flow["last_date"] != flow["business_date"]:
        days += f" to {flow['last_date']}"
    whose = f" {flow['retailer_id']}" if flow["retailer_id"] else ""
    counted = f", {_count(flow['rows_written'])} rows" if flow["rows_written"] is not None else ""
    return f"{flow['stage']} {days}{whose}{counted}, run {flow['run_id']}"


def _short(name: str) -> str:
    """A table without its database and schema; keys and paths unchanged."""
    return name.rpartition(".")[2] if "/" not in name else name


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
