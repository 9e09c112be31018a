"""A new nullable column of the facts is three edits: the field, the migration by `make column`, and the mapping."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local_stack.databases import WarehouseAccess
from shared.config import PROJECT_ROOT
from tests.conftest import S3Access

pytestmark = pytest.mark.long

FIELD = """
    added_by_test: Annotated[Label | None, Column(in_fact=True)] = Field(
        default=None, description="Promotion that the line was sold under; null when the source names none"
    )
"""
API_TESTS = [f"tests/unit/ingestion/{name}" for name in ("landing/test_verify.py", "services", "test_columns.py")]
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".local", ".*_cache", "__pycache__", ".hypothesis")
SALES = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country,Promo
536001,22423,CAKESTAND,2,1/2/2011 09:00,12.75,17850,France,WINTER
536002,22423,CAKESTAND,1,1/2/2011 10:00,12.75,17850,France,
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT_ROOT, tmp_path / "checkout", ignore=_LEFT_OUT, symlinks=True))


def run(checkout: Path, *command: str, **environment: str) -> str:
    finished = subprocess.run(
        [sys.executable, *command],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_a_new_column_is_three_edits(checkout: Path, tmp_path: Path, warehouse: WarehouseAccess, s3: S3Access) -> None:
    contract = checkout / "ingestion" / "models" / "retailer_data.py"
    text = contract.read_text(encoding="utf-8")
    last = text.index("\n    @model_validator")
    contract.write_text(text[:last] + FIELD + text[last:], encoding="utf-8")

    assert "_add_added_by_test.sql" in run(checkout, "scripts/add_column.py", "added_by_test", "text")

    assert "| `added_by_test` | text" in (checkout / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    # What API retailers land is counted and written with the field, too.
    run(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", *API_TESTS)
    layout, file = tmp_path / "promotions.yaml", tmp_path / "sales.csv"
    known = (PROJECT_ROOT / "ingestion" / "mapping" / "layouts" / "online_retail.yaml").read_text(encoding="utf-8")
    layout.write_text(known.replace("columns:\n", "columns:\n  added_by_test: Promo\n", 1), encoding="utf-8")
    file.write_text(SALES, encoding="utf-8")

    run(checkout, "-m", "shared.migrations", WAREHOUSE_OWNER_DSN=warehouse.owner_dsn)
    folder = tmp_path / "loads"
    folder.mkdir()
    run(
        checkout,
        "-m",
        "tests.integration.transformation.new_column",
        *(warehouse.owner_dsn, warehouse.loader_dsn, warehouse.reader_dsn, str(folder), str(file), str(layout)),
        **s3.environment,
        WAREHOUSE_DSN=warehouse.loader_dsn,
    )
