"""A preview shows what landing would make of the first lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ingestion.connectors.protocol import RawPage
from ingestion.landing.preview import preview_date
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from shared.errors import FixConfiguration
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import row_1

DAY = date(2024, 1, 15)


class Shop:
    """A connector whose source lists these rows, `factor` of each sold when one is looked at alone."""

    retailer_id = "shop"
    mapping = retailer_mapping(1)

    def __init__(self, *rows: Any, factor: int = 1) -> None:
        self._rows, self._factor, self._single = rows, factor, SingleRows(self.mapping)

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Any]]:
        yield RawPage(1, self._rows, datetime.now(UTC))

    def normalize_sales_record(self, raw: Any) -> SalesRecord:
        record = self._single.record(raw)
        return record.model_copy(update={"unit_price": record.unit_price * self._factor})


def previewed(shop: Any, limit: int = 10) -> tuple[list[Decimal], list[str]]:
    found = preview_date(shop, DAY, limit)
    return [each.net_amount for each in found.records], [f"{each.position} {each.code}" for each in found.rejected]


def test_lines_are_landed_or_rejected_as_in_a_run() -> None:
    other_date = row_1(sale_id="B", sold_at="2024-01-16T07:03:22-05:00")
    shop = Shop(row_1(sale_id="A"), other_date, row_1(sale_id="C", qty="two"))
    assert previewed(shop) == (
        [Decimal("25.0000")],
        [
            'page 1, row 2, column sold_at: "2024-01-16T07:03:22-05:00" WRONG_DATE',
            'page 1, row 3, column qty: "two" NOT_A_NUMBER',
        ],
    )
    assert previewed(shop, limit=1) == ([Decimal("25.0000")], [])


def test_a_record_that_is_not_the_mappings_is_an_error() -> None:
    with pytest.raises(FixConfiguration, match="normalize_sales_record makes another record of the line A 1 than the"):
        previewed(Shop(row_1(sale_id="A"), factor=2))
