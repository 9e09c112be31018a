"""`retail layouts` and `retail rules`: the known file layouts and cleaning rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cli.deferred import PlainCommand, PlainGroup
from shared.commands import JsonOption, console, exit_code, print_json
from shared.terminal_text import escape

if TYPE_CHECKING:
    from ingestion.mapping.layout_parts import FieldSource
    from ingestion.mapping.layouts import SourceMapping

layouts = typer.Typer(
    cls=PlainGroup, no_args_is_help=True, add_completion=False, help="What the columns of a source's files mean."
)


@layouts.command("list", cls=PlainCommand)
def list_layouts(as_json: JsonOption = False) -> None:
    """List the built-in layouts. To use your own, give its path."""
    from ingestion.mapping.layouts import known_layouts, load_layout

    with exit_code():
        known = [load_layout(name) for name in known_layouts()]
        if as_json:
            print_json(
                [{name: getattr(each, name) for name in ("name", "retailer_id", "description")} for each in known]
            )
            return
        rows = [(each.name, each.retailer_id, each.description) for each in known]
        console().print(_table(("layout", "retailer", "what for"), rows))


@layouts.command("show", cls=PlainCommand)
def show_layout(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A built-in layout, or the path of a YAML file.")],
    as_json: JsonOption = False,
) -> None:
    """Show a layout: which column each field comes from, and what is checked."""
    from ingestion.mapping.layouts import load_layout
    from ingestion.mapping.rules import rules as rules_of

    with exit_code():
        layout = load_layout(name)
        if as_json:
            print_json(layout.model_dump(mode="json", exclude_defaults=True, by_alias=True))
            return
        typer.echo(f"{layout.name}: {layout.description or 'no description'}")
        typer.echo(f"retailer {layout.retailer_id}, times in {layout.time_zone}, {_numbers(layout)}\n")
        fields = [(field, _origin(source)) for field, source in layout.columns.items()]
        console().print(_table(("field", "comes from"), fields))
        own = [rule for rule in rules_of(layout) if rule.severity == "warning"]
        if own:
            typer.echo()
            console().print(_table(("flagged", "because"), [(rule.code, rule.description) for rule in own]))


def rules(
    layout: Annotated[str | None, typer.Option(help="Those that apply to files of this layout. Default: all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the cleaning rules with their codes and severities.

    error: the row is rejected, into the dead letters. warning: the row is kept and flagged. info: the row is kept, and
    completed or classified.
    """
    from ingestion.mapping.layouts import load_layout
    from ingestion.mapping.rules import catalogue
    from ingestion.mapping.rules import rules as rules_of

    with exit_code():
        found = rules_of(load_layout(layout)) if layout else tuple(catalogue().values())
        facts = [{"code": rule.code, "severity": rule.severity, "description": rule.description} for rule in found]
        if as_json:
            print_json(facts)
        else:
            console().print(_table(("code", "severity", "what it means"), [tuple(each.values()) for each in facts]))


def _numbers(layout: SourceMapping) -> str:
    thousands = f", thousands {layout.format.thousands!r}" if layout.format.thousands else ""
    return f"decimal mark {layout.format.decimal!r}{thousands}"


def _origin(source: FieldSource) -> str:
    if source.value is not None:
        return f"always {source.value!r}"
    described = " + ".join(source.headers)
    if source.format:
        described += f", written {source.format}"
    if source.when_missing:
        described += f"; when empty, {source.when_missing.value or source.when_missing.use}"
    return described


def _table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    return table
