"""Run by test_new_column.py in a copy of the checkout whose contract has a field `promotion_code`.

Arguments: the owner's, the loader's and the reader's DSN of a warehouse, an empty folder, a CSV file and its layout.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ingestion.landing.overlap import Overlap
from local_stack.databases import WarehouseAccess
from pipeline.file_load import FileLoadRequest, run_file_load
from shared.config import load_settings, read_environment
from tests.fakes.raw_zone import record
from tests.integration.transformation.test_load_paths import Star, counts
from transformation.load.plan import LoadPath

AFTERWARDS = datetime(2024, 6, 1, tzinfo=UTC)


def load_days(star: Star, day: date) -> None:
    """Insert, replay, update, move to another date and back: the value follows its line."""
    later = day + timedelta(days=1)

    def codes() -> list[Any]:
        query = "SELECT promotion_code FROM fact_sales WHERE date_key = %s ORDER BY line_id"
        return [row[0] for row in star.rows(query, [int(f"{day:%Y%m%d}")])]

    first = record("1", f"T{day}", day, promotion_code="SPRING")
    star.land(first, record("2", f"T{day}", day), day=day)
    assert counts(star.load(day)) == {"inserted": 2}
    assert codes() == ["SPRING", None]
    assert counts(star.load(day)) == {"unchanged": 2}

    changed = first.model_copy(update={"promotion_code": "SUMMER"})
    star.land(changed, record("2", f"T{day}", day), day=day)
    assert counts(star.load(day)) == {"updated": 1, "unchanged": 1}
    assert codes() == ["SUMMER", None]

    star.land(record("1", f"T{day}", later, promotion_code="AUTUMN", changed_at=AFTERWARDS), day=later)
    star.load(later)
    assert codes() == [None]
    assert ("SUMMER",) in star.rows("SELECT promotion_code FROM ops.superseded_sales")
    star.land(day=later)
    star.load(later)
    assert codes() == ["SUMMER", None]


def load_file(star: Star, file: str, layout: str, reports: Path) -> None:
    """A mapping that names the field's column brings its values in."""
    order = FileLoadRequest([file], layout, Overlap.STOP, report_directory=reports)
    result = run_file_load(order, run_id="file", settings=load_settings(read_environment()))
    assert result.balanced
    found = star.rows("SELECT promotion_code FROM fact_sales WHERE date_key = 20110102 ORDER BY transaction_id")
    assert found == [("WINTER",), (None,)]


def main(arguments: list[str]) -> None:
    """Raises AssertionError when a value is lost."""
    owner, loader, reader, folder, file, layout = arguments
    star = Star(WarehouseAccess(owner, loader, reader), Path(folder))
    for month, path in enumerate(LoadPath, start=1):
        star.path = path
        load_days(star, date(2024, month, 15))
    load_file(star, file, layout, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
