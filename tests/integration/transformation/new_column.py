"""Run by test_new_column.py in a copy of the checkout whose contract has a field `added_by_test`.

Arguments: the owner's, the loader's and the reader's DSN of a warehouse, an empty folder, a CSV file and its layout.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ingestion.landing.overlap_policy import Overlap
from local_stack.databases import WarehouseAccess
from pipeline.file_load import run_file_load
from pipeline.file_load_request import FileLoadRequest
from shared.config import load_settings, read_environment
from tests.fakes.raw_zone import record
from tests.integration.transformation.test_load_paths import Loader, counts
from transformation.load.plan import LoadPath

AFTERWARDS = datetime(2024, 6, 1, tzinfo=UTC)


def load_days(loader: Loader, day: date) -> None:
    """Insert, replay, update, move to another date and back: the value follows its line."""
    later = day + timedelta(days=1)

    def codes() -> list[Any]:
        query = "SELECT added_by_test FROM fact_sales WHERE date_key = %s ORDER BY line_id"
        return [row[0] for row in loader.rows(query, [int(f"{day:%Y%m%d}")])]

    first = record("1", f"T{day}", day, added_by_test="SPRING")
    loader.land(first, record("2", f"T{day}", day), day=day)
    assert counts(loader.load(day)) == {"inserted": 2}
    assert codes() == ["SPRING", None]
    digest = loader.digest()
    assert counts(loader.load(day)) == {"unchanged": 2}
    assert loader.digest() == digest

    changed = first.model_copy(update={"added_by_test": "SUMMER"})
    loader.land(changed, record("2", f"T{day}", day), day=day)
    assert counts(loader.load(day)) == {"updated": 1, "unchanged": 1}
    assert codes() == ["SUMMER", None]
    assert loader.digest() != digest

    loader.land(record("1", f"T{day}", later, added_by_test="AUTUMN", changed_at=AFTERWARDS), day=later)
    loader.load(later)
    assert codes() == [None]
    assert ("SUMMER",) in loader.rows("SELECT added_by_test FROM ops.superseded_sales")
    loader.land(day=later)
    loader.load(later)
    assert codes() == ["SUMMER", None]


def load_file(loader: Loader, file: str, layout: str, reports: Path) -> None:
    """A mapping that names the field's column brings its values in."""
    order = FileLoadRequest([file], layout, Overlap.STOP, report_directory=reports, allow_low_quality=True)
    result = run_file_load(order, run_id="file", settings=load_settings(read_environment()))
    assert result.balanced
    found = loader.rows("SELECT added_by_test FROM fact_sales WHERE date_key = 20110102 ORDER BY transaction_id")
    assert found == [("WINTER",), (None,)]


def main(arguments: list[str]) -> None:
    """Raises AssertionError when a value is lost."""
    *dsns, folder, file, layout = arguments
    loader = Loader(WarehouseAccess(*dsns), Path(folder))
    for month, path in enumerate(LoadPath, start=1):
        loader.path = path
        load_days(loader, date(2024, month, 15))
    load_file(loader, file, layout, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
