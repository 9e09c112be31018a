"""CSV files and layouts for tests, read in a DuckDB of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ingestion.connectors.files.read_files import FilesRead, read_files
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.workspace import workspace

HEADER = "Receipt,Line,Product,Name,Qty,Price,When,Customer"
SHOP: dict[str, Any] = {
    "name": "shop",
    "retailer_id": "shop",
    "time_zone": "Europe/London",
    "columns": {
        "transaction_id": "Receipt",
        "line_id": "Line",
        "product_id": "Product",
        "product_name": "Name",
        "quantity": "Qty",
        "unit_price": "Price",
        "sold_at": {"column": "When", "format": "%d/%m/%Y %H:%M"},
        "customer_id": "Customer",
        "store_id": {"value": "high-street"},
        "currency": {"value": "GBP"},
    },
}
"""A layout as its YAML holds it."""


def row(**given: object) -> str:
    """A good row of `HEADER`'s columns, but for what is given."""
    values: dict[str, object] = {
        "Receipt": "R1", "Line": 1, "Product": "P1", "Name": "Cup", "Qty": 2, "Price": "3.50",
        "When": "15/01/2024 10:30", "Customer": "C1",
    }  # fmt: skip
    return ",".join(str(value) for value in (values | given).values())


def rows(*given: str) -> str:
    """The content of a file: header and rows."""
    return "\n".join([HEADER, *given]) + "\n"


def shop_layout(**changed: Any) -> SourceMapping:
    """The shop's layout with other keys; `columns` are merged."""
    columns = {**SHOP["columns"], **changed.pop("columns", {})}
    columns = {name: source for name, source in columns.items() if source is not None}
    return SourceMapping.model_validate({**SHOP, **changed, "columns": columns})


def write_layout(path: Path, layout: dict[str, Any]) -> Path:
    """A layout as a YAML file."""
    path.write_text(yaml.safe_dump(layout, allow_unicode=True), encoding="utf-8")
    return path


@dataclass
class Outcome:
    """What reading gave, and the tables it filled."""

    read: FilesRead
    connection: duckdb.DuckDBPyConnection

    def landed(self, *columns: str) -> list[Any]:
        """Landed rows by line id; single values for one column. Times are texts in UTC."""
        names = ", ".join(f"{name}::VARCHAR" if name.endswith("_at") else name for name in columns)
        found = self.connection.execute(
            f"SELECT {names} FROM landed_records ORDER BY transaction_id, line_id"
        ).fetchall()
        return [each[0] for each in found] if len(columns) == 1 else found

    def rejected(self) -> list[tuple[int, str, str | None, str | None]]:
        """Line, code, column and value of each rejected row."""
        return self.connection.execute(
            "SELECT source_line, code, column_name, value FROM rejected_rows ORDER BY source_file, source_line"
        ).fetchall()

    def flagged(self) -> list[tuple[str, str]]:
        """Rule and line id of each flag."""
        return self.connection.execute(
            "SELECT rule_code, line_id FROM flagged_rows ORDER BY rule_code, line_id"
        ).fetchall()


@contextmanager
def reading(*sources: Path, layout: SourceMapping | None = None, most: float = 1.0) -> Iterator[Outcome]:
    """Read files by a layout, the shop's when none is given."""
    with workspace() as connection:
        read = read_files(
            [str(source) for source in sources], layout or shop_layout(), connection, max_reject_share=most
        )
        yield Outcome(read, connection)


def write(path: Path, content: str | bytes) -> Path:
    """A file with this content."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
