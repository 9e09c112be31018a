"""Many partitions of one retailer that were landed together, with their records still in memory as columns.

A bulk load does not read back what it lands. The raw objects and the columns are written from the same rows, and the
manifests' control totals are checked against the columns before anything is published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from shared.partitions import Manifest

RECORDS_TABLE = "landed_records"
"""Table of the batch's connection; its columns are `ingestion.models.columnar.COLUMNS`."""


@dataclass(frozen=True)
class LandedBatch:
    """Partitions of one retailer: `RECORDS_TABLE` in `connection` holds exactly what their raw objects hold."""

    retailer_id: str
    days: tuple[date, ...]
    """Business dates, ascending; every record belongs to one of them."""
    connection: duckdb.DuckDBPyConnection
    """Other threads use a `.cursor()` of it."""
    manifests: Callable[[], Mapping[date, Manifest]]
    """Waits until every partition is written to the raw zone; one manifest per day. Raises the errors of landing."""
