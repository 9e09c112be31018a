"""The till of `tests/fakes/databases/till.py`, read through another program: a tap, or a resource of dlt."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from ingestion.connectors.programs import connector
from tests.fakes.databases.till import COLUMNS, Till, row

HERE = Path(__file__).parent


def as_json(values: Sequence[Any]) -> dict[str, Any]:
    """A row of the till as a program sends it: numbers where a text has no other characters."""
    found = dict(zip(COLUMNS, values, strict=True))
    times = {key: value.isoformat() for key, value in found.items() if isinstance(value, datetime)}
    return {**found, **times, "price": float(found["price"]), "net_amount": float(found["net_amount"])}


class ProgramTill(Till):
    """What both have in common. There is no control report, and nothing limits the rows of a page."""

    report_path = ""
    program: ClassVar[Path]

    @contextmanager
    def served(self) -> Iterator[tuple[dict[str, str], Any]]:
        """A file with the rows: the variables of its source, and this till."""
        with tempfile.TemporaryDirectory() as directory:
            self.file = Path(directory) / "rows.json"
            self.rows = [as_json(row(name)) for page in self.lines for name in page]
            self.write()
            with patch.object(connector, "ROWS_AT_ONCE", self.most_rows):
                yield self.environment, self

    def write(self) -> None:
        """Write the rows for the program."""
        self.file.write_text(json.dumps(self.rows), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        name = self.url_variable.removesuffix("_PYTHON")
        return {
            self.url_variable: sys.executable,
            f"{name}_PROGRAM": str(self.program),
            f"{name}_ROWS": str(self.file),
        }


class SingerTill(ProgramTill):
    connector = "singer"
    definition = HERE / "sources" / "singer_till.yaml"
    url_variable = "SINGER_TILL_PYTHON"
    program = HERE / "tap.py"


class DltTill(ProgramTill):
    connector = "dlt"
    definition = HERE / "sources" / "dlt_till.yaml"
    url_variable = "DLT_TILL_PYTHON"
    program = HERE


PROGRAMS: tuple[type[Till], ...] = (SingerTill, DltTill)
