"""What the benchmark of connectors serves is read without a rejected row, and agrees with its control report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks.connectors import DAY, KINDS, Place
from benchmarks.read_source import landed_date, landed_file
from shared.config import load_settings

SETTINGS = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
LINES = 12


@pytest.mark.parametrize("name", ["rest", "shopify", "woocommerce", "stripe", "sqlite", "folder"])
def test_every_line_that_a_kind_serves_is_landed(name: str, tmp_path: Path) -> None:
    nothing_else = cast("Any", None)
    with KINDS[name].serve(Place(nothing_else, nothing_else, tmp_path), LINES) as served:
        sources = {"SOURCES_DIRECTORY": str(served.definition.parent), "INGEST_REQUESTS_PER_SECOND": "10000"}
        settings, source = load_settings({**SETTINGS, **sources, **served.environment}), served.definition.stem
        with landed_file(source, settings) if name == "folder" else landed_date(source, DAY, settings) as (count, path):
            assert count == LINES
            assert len(path.read_bytes().splitlines()) == LINES
