"""Small files, read as `retail etl` reads them, and the report of the load."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data_quality.file_report.model import LoadReport
from data_quality.file_report.report import build_report
from ingestion.connectors.files.read_files import read_files
from ingestion.mapping.layouts import load_layout
from ingestion.mapping.rules import rules
from ingestion.mapping.workspace import workspace

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
NOW = datetime(2024, 1, 2, 3, 4, tzinfo=UTC)
Rows = Sequence[Sequence[str]]
Reported = Callable[[Rows], LoadReport]


@pytest.fixture
def report_of(tmp_path: Path) -> Reported:
    """The report of a file in Online Retail's layout with these rows."""

    def report(rows: Rows) -> LoadReport:
        path = tmp_path / "sales.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(rows)
        return reported(path)

    return report


def reported(path: Path) -> LoadReport:
    layout = load_layout("online_retail")
    with workspace() as connection:
        read = read_files([str(path)], layout, connection, max_reject_share=1.0)
        return build_report(connection, read, title=path.name, job_name="scheduled", now=NOW, rules=rules(layout))
