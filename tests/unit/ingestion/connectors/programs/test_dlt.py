"""The script that prints the items of a dlt resource: exact values, nothing else on its output, errors that say why."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.connectors.programs.connector import ProgramConnector
from ingestion.connectors.programs.dlt_runner import rows_of
from ingestion.connectors.protocol import Runtime
from ingestion.connectors.registry import build
from shared.config import load_settings
from shared.errors import RetryLater
from tests.fakes.programs.till import DltTill

DAY = date(2024, 1, 15)


@contextmanager
def connected(directory: Path, function: str, arguments: dict[str, Any], stream: str = "sales") -> Iterator[Any]:
    definition = yaml.safe_load(DltTill.definition.read_text(encoding="utf-8"))
    definition["connection"]["config"] = arguments
    definition["read"] |= {"function": function, "stream": stream, "date_column": "at"}
    del definition["read"]["changed_by"]
    (directory / "dlt_till.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    environ = {
        "WAREHOUSE_DSN": "postgresql:///",
        "S3_BUCKET_RAW": "raw",
        "S3_BUCKET_PROCESSED": "processed",
        "SOURCES_DIRECTORY": str(directory),
        "DLT_TILL_PYTHON": sys.executable,
        "DLT_TILL_PROGRAM": str(DltTill.program),
        "DLT_TILL_KEY": "hunter2",
    }
    runtime = Runtime(clock=lambda: datetime(2024, 1, 16, 5, tzinfo=UTC))
    connector = build("dlt_till", load_settings(environ), runtime)
    assert isinstance(connector, ProgramConnector)
    try:
        yield connector
    finally:
        connector.close()


def test_values_that_json_does_not_have_are_exact_texts(tmp_path: Path) -> None:
    with connected(tmp_path, "resources:typed", {}) as connector:
        [page] = connector.fetch_sales_data(DAY)
    assert page.rows == [
        {"at": "2024-01-15T11:00:00+00:00", "price": "12.345678901234567890", "data": "AP8=", "ratio": 0.1}
    ]


def test_an_unknown_resource_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("[]", encoding="utf-8")
    arguments = {"rows": str(tmp_path / "rows.json")}
    with (
        connected(tmp_path, "resources:till", arguments, stream="sale") as connector,
        pytest.raises(RetryLater, match="there is no resource 'sale'; there are: sales"),
    ):
        connector.check(DAY)


def test_a_function_that_fails_is_quoted_without_secrets(tmp_path: Path) -> None:
    with (
        connected(tmp_path, "resources:till", {"rows": {"secret": "DLT_TILL_KEY"}}) as connector,
        pytest.raises(RetryLater) as raised,
    ):
        connector.check(DAY)
    assert "FileNotFoundError" in str(raised.value)
    assert "'***'" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_tables_are_read_by_their_rows() -> None:
    import pyarrow

    assert rows_of(pyarrow.table({"a": [1, 2]})) == [{"a": 1}, {"a": 2}]
    assert rows_of({"a": 1}) == [{"a": 1}]
    assert rows_of([{"a": 1}, {"a": 2}]) == [{"a": 1}, {"a": 2}]
