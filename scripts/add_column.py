#!/usr/bin/env python3
"""Write the migration that adds a new field of the contract to the warehouse: `make column NAME=promotion_code`.

Add the field to `SalesRecord` first (ingestion/models/retailer_data.py): at the end, nullable, and annotated with
`Column(in_fact=True)`. The column's type and comment come from there. The script also declares the column for data
lineage and documents it. Exit status 2 when the field does not fit; then nothing is written.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from pydantic import AwareDatetime

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ingestion.models.columns import CONTRACT, ContractColumn, annotation_parts, duckdb_type
from ingestion.models.retailer_data import SalesRecord
from scripts.contract_table import as_markdown
from shared.config import PROJECT_ROOT

CONTRACT_FILE = "ingestion/models/retailer_data.py"
INIT_DIRECTORY = PROJECT_ROOT / "database" / "init"
_DIGEST = re.compile(
    r"^CREATE (?:OR REPLACE )?FUNCTION ops\.warehouse_digest\(\).*?^\$function\$;", re.MULTILINE | re.DOTALL
)
_LAST_OF_SALES = re.compile(r"c\.customer_id, c\.valid_from(?:, '\w+=' \|\| f\.\w+)*")
_ARROW_TYPES = {"boolean": "bool", "text": "string", "timestamptz": "timestamp[us, tz=UTC]"}
_CATALOGUE_TYPES = {"timestamptz": "timestamp with time zone"}


class UnsuitableField(Exception):
    """The field cannot become a column by a migration alone; the message says what to change."""


def find_column(name: str, type_name: str | None) -> ContractColumn:
    """The new field's column. Raises UnsuitableField."""
    column = next((each for each in CONTRACT if each.name == name), None)
    if column is None:
        raise UnsuitableField(f"SalesRecord has no field {name}. Add it to {CONTRACT_FILE} first, then run this again.")
    if not (column.stored.in_fact and column.is_nullable):
        raise UnsuitableField(
            f"{name} is not a nullable field of fact_sales. In {CONTRACT_FILE}, give it the type"
            " Annotated[… | None, Column(in_fact=True)] and the default None."
        )
    kinds = [kind for kind in annotation_parts(SalesRecord.model_fields[name]) if kind in (str, Decimal, AwareDatetime)]
    if not kinds or column.fact_name != name:
        raise UnsuitableField(f"{name} must keep its name and be a text, a decimal or a time ({CONTRACT_FILE}).")
    if type_name and type_name.replace(" ", "") != column.type:
        raise UnsuitableField(f"TYPE is {type_name}, but SalesRecord says {column.type}. Correct one of them.")
    return column


def write_migration(column: ContractColumn, directory: Path) -> Path:
    """Write the next numbered migration; returns its path. Raises UnsuitableField when there is one already."""
    present = sorted(path.stem for path in directory.glob("[0-9]*.sql"))
    if written := [name for name in present if name.endswith(f"_add_{column.name}")]:
        raise UnsuitableField(f"{written[0]}.sql adds {column.name} already.")
    path = directory / f"{int(present[-1][:4]) + 1:04d}_add_{column.name}.sql"
    digest = digest_with(column.name, [*sorted(INIT_DIRECTORY.glob("*.sql")), *sorted(directory.glob("[0-9]*.sql"))])
    meaning = (SalesRecord.model_fields[column.name].description or column.name).rstrip(".").replace("'", "''")
    path.write_text(
        f"-- depends: {present[-1]}\n"
        f"-- {column.name} of sales lines. Existing rows get null without a rewrite; new months inherit the column.\n"
        "\n"
        f"ALTER TABLE public.fact_sales ADD COLUMN {column.name} {column.fact_type};\n"
        f"COMMENT ON COLUMN public.fact_sales.{column.name} IS '{meaning}.';\n"
        f"ALTER TABLE ops.superseded_sales ADD COLUMN {column.name} {column.fact_type};\n"
        f"COMMENT ON COLUMN ops.superseded_sales.{column.name} IS 'As in fact_sales.';\n"
        "\n"
        "-- The digest covers the new column. A null adds nothing, so existing rows keep their digest.\n"
        f"{digest}",
        encoding="utf-8",
    )
    return path


def digest_with(name: str, files: Sequence[Path]) -> str:
    """The newest definition of ops.warehouse_digest in the files, with a column of fact_sales added."""
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    newest = _DIGEST.findall(text)[-1].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
    return _LAST_OF_SALES.sub(rf"\g<0>, '{name}=' || f.{name}", newest, count=1) + "\n"


def declare(column: ContractColumn, path: Path) -> None:
    """Add the column to what is declared of the raw objects, the processed objects and fact_sales."""
    source = f'from = ["sales_record.{column.name}"]'
    arrow = _ARROW_TYPES.get(column.type) or column.type.replace("numeric", "decimal128").replace(",", ", ")
    stored = _CATALOGUE_TYPES.get(column.fact_type, column.fact_type)
    text = path.read_text(encoding="utf-8")
    for kind, declared in (
        ("sales_record", f'{{ type = "{duckdb_type(column.type).lower()}" }}'),
        ("processed", f'{{ type = "{arrow}", {source} }}'),
        ("fact_sales", f'{{ type = "{stored}", {source} }}'),
    ):
        block = re.compile(rf"(^\[{kind}\.columns\]\n(?:.+\n)+)", re.MULTILINE)
        text = block.sub(rf"\g<1>{column.name} = {declared}\n", text, count=1)
    path.write_text(text, encoding="utf-8")


def document(path: Path) -> None:
    """Write the table of the contract's fields again, after the line `<!-- contract -->`."""
    table = re.compile(r"(?<=<!-- contract -->\n)(?:\|.*\n)+")
    text = path.read_text(encoding="utf-8")
    path.write_text(table.sub(lambda _: as_markdown() + "\n", text, count=1), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; prints the file to review."""
    parser = argparse.ArgumentParser(description="Write the migration for a new field of SalesRecord.")
    parser.add_argument("name", help="the field")
    parser.add_argument("type", nargs="?", help="its PostgreSQL type; checked against the contract")
    given = parser.parse_args(arguments)
    try:
        column = find_column(given.name, given.type or None)
        path = write_migration(column, PROJECT_ROOT / "database" / "migrations")
    except UnsuitableField as error:
        sys.stderr.write(f"{error}\n")
        return 2
    declare(column, PROJECT_ROOT / "monitoring" / "lineage" / "declarations.toml")
    document(PROJECT_ROOT / "docs" / "ARCHITECTURE.md")
    sys.stdout.write(
        f"Wrote {path.relative_to(PROJECT_ROOT)}. Next: map the field in the sources that have it, then run"
        " retail migrate\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
