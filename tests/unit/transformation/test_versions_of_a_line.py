"""Of several versions of a line, the reconciliation of the listing and the load take the same one."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.protocol import RawPage
from ingestion.landing.listing import reading_listing
from ingestion.mapping.workspace import workspace
from ingestion.models.retailer_data import SalesRecord
from tests.fakes.raw_zone import DAY, RawZone
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import row_1
from tests.integration.transformation.test_load_paths import RawBucket
from transformation.conform import ConformedBatch
from transformation.raw_partitions import columnar_workspace, read_partitions


def amount(quantity: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = row_1(qty=quantity, line_total=f"{quantity * 12.5:.2f}", **changes)
    return row


LATER = "2024-01-16T12:00:00Z"
VERSIONS = {
    "another amount": [amount(1), amount(4), amount(2)],
    "a later version with less": [amount(4), amount(1, last_modified=LATER), amount(2)],
    "another currency": [amount(2), amount(2, currency="CAD"), amount(2, currency="EUR")],
    "another currency and amount": [amount(2), amount(3, currency="CAD"), amount(1, currency="EUR")],
    "a return and a sale": [amount(1), amount(-1, txn_type="RETURN")],
    "the same money, another product": [amount(2), amount(2, sku="OTHER"), amount(2, sku="THIRD")],
    "a time in the future": [amount(1), amount(4, last_modified="2099-01-01T00:00:00Z"), amount(2)],
}


@pytest.mark.parametrize("name", VERSIONS)
def test_the_load_takes_the_version_that_was_reconciled_in_any_order(name: str, tmp_path: Path) -> None:
    kept = set()
    for rows in permutations(VERSIONS[name]):
        with (
            workspace(64, threads=1) as connection,
            reading_listing(retailer_mapping(1), DAY, 64, connection, datetime(2024, 2, 1, tzinfo=UTC)) as listing,
        ):
            for number, row in enumerate([*rows, row_1(line_no=2)], start=1):
                listing.add(RawPage(number, [row], datetime(2024, 2, 1, tzinfo=UTC)))
            totals, text = listing.complete()
            assert isinstance(text.body, Path)
            records = [SalesRecord.model_validate_json(line) for line in text.body.read_bytes().splitlines()]
        zone = RawZone()
        zone.land(records)
        with columnar_workspace(tmp_path) as columnar:
            batch = ConformedBatch(read_partitions(RawBucket(zone), "retailer_1", (DAY,), tmp_path, columnar), tmp_path)
            batch.conform([DAY])
            [partition] = batch.partitions([DAY])
        loaded = {code: money.net for code, money in partition.kept_amounts.items() if money}
        assert loaded == dict(totals.distinct_amounts), rows
        kept.add(tuple(sorted(loaded.items())))
    assert len(kept) == 1, "the order of the listing decided"
