"""What is generated from the definition of a view: its DDL, its section of the documentation, its lineage.

python -m materialized_views.rendering                  write the generated files and tables
python -m materialized_views.rendering --sql VIEW       print the SQL for a migration that adds the view
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Annotated

import typer

from materialized_views.catalog import ViewDefinition, view_definitions
from shared.config import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "MATERIALIZED_VIEWS.md"
LINEAGE = PROJECT_ROOT / "monitoring" / "lineage" / "views.toml"
READERS = "retail_reader, retail_user"
SEARCH_PATH = "SET LOCAL search_path = public, ops, pg_temp;\n"
"""Definitions name tables without their schema, and migrations run with the search path `ops`."""


def ddl(view: ViewDefinition, schema: str = "public") -> str:
    """The statements that create the view with its unique index, comments and rights."""
    name = f"{schema}.{view.name}"
    comment = f"{view.question} Grain: {view.grain}."
    statements = [
        f"CREATE MATERIALIZED VIEW {name} AS\n{view.query}",
        f"CREATE UNIQUE INDEX uq_{view.name} ON {name} ({', '.join(view.unique_index)})",
        f"COMMENT ON MATERIALIZED VIEW {name} IS {_literal(comment)}",
        *(f"COMMENT ON COLUMN {name}.{key} IS {_literal(each.comment)}" for key, each in view.columns.items()),
        f"GRANT SELECT ON {name} TO {READERS}",
    ]
    return "".join(f"{statement};\n" for statement in statements)


def lineage(views: Iterable[ViewDefinition]) -> str:
    """The views as `monitoring/lineage/datasets.py` reads them: monitoring may not import this package."""
    parts = ["# Generated from materialized_views/definitions: python -m materialized_views.rendering\n"]
    for view in views:
        columns = [
            f"{name} = {{ type = {json.dumps(column.type)}, from = {json.dumps(column.sources)} }}\n"
            for name, column in view.columns.items()
        ]
        parts.append(f"\n[{view.name}]\nread = {json.dumps(view.reads)}\n\n[{view.name}.columns]\n{''.join(columns)}")
    return "".join(parts)


def documented(page: str, views: Iterable[ViewDefinition]) -> str:
    """The page with the generated parts brought up to date. Each is between `<!-- name -->` and `<!-- /name -->`."""
    listed = list(views)
    page = _replaced(page, "views", _overview(listed))
    for view in listed:
        page = _replaced(page, f"{view.name} question", view.question)
        page = _replaced(page, f"{view.name} columns", _columns(view))
    return page


def main(
    sql: Annotated[str | None, typer.Option(help="Print the SQL that creates this view; write nothing.")] = None,
) -> None:
    """Write what is generated from the definitions of the views."""
    views = view_definitions()
    if sql:
        typer.echo(SEARCH_PATH + ddl(views[sql]), nl=False)
        return
    LINEAGE.write_text(lineage(views.values()), encoding="utf-8")
    PAGE.write_text(documented(PAGE.read_text("utf-8"), views.values()), encoding="utf-8")


def _overview(views: Iterable[ViewDefinition]) -> str:
    rows = (f"| [`{view.name}`](#{view.name}) | {view.question} | {view.grain} |" for view in views)
    return "\n".join(("| view | question | one row is |", "|---|---|---|", *rows))


def _columns(view: ViewDefinition) -> str:
    key = ", ".join(f"`{name}`" for name in view.unique_index)
    rows = (f"| `{name}` | {column.type} | {column.comment} |" for name, column in view.columns.items())
    return "\n".join((f"Key: {key}", "", "| column | type | meaning |", "|---|---|---|", *rows))


def _replaced(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if not (begin in page and end in page):
        raise ValueError(f"{PAGE.name} has no part {begin} … {end}. Add it where the generated text belongs.")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    typer.run(main)
