"""A source that sends other fields: one alert, and its contract decides what is landed."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from ingestion.connectors.protocol import RawPage
from ingestion.schema_contracts.store import accept
from ingestion.services.retailer1_service import Retailer1Service
from shared.database import session, transaction
from tests.integration.ingestion.test_sources import OUTLET, with_sources

if TYPE_CHECKING:
    from datetime import date

    from tests.integration.ingestion.conftest import Platform

DAY, NEXT = "2024-01-15", "2024-01-16"
Row = dict[str, Any]


class Altered(Retailer1Service):
    """Retailer 1, whose rows are changed before anything else sees them."""

    change: ClassVar[Callable[[int, Row], Row]] = staticmethod(lambda number, row: row)

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Any]]:
        for page in super().fetch_sales_data(day):
            yield replace(page, rows=[type(self).change(number, row) for number, row in enumerate(page.rows)])


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int, Row], Row]], None]:
    def set_change(change: Callable[[int, Row], Row]) -> None:
        monkeypatch.setattr(Altered, "change", staticmethod(change))

    return set_change


def altered(platform: Platform, directory: Path, *keys: str) -> Platform:
    text = OUTLET.replace("connector: retailer1", f"connector: {__name__}:Altered")
    return with_sources(platform, directory, outlet_shop="".join((text, *(f"{key}\n" for key in keys))))


def alerts(platform: Platform) -> list[tuple[Any, ...]]:
    return platform.query(
        "SELECT severity, status, occurrences FROM ops.alerts WHERE kind = 'schema_changed' ORDER BY alert_id"
    )


def versions(platform: Platform) -> list[tuple[Any, ...]]:
    return platform.query(
        "SELECT version, status, accepted_by FROM ops.source_schemas WHERE retailer_id = 'outlet_shop' ORDER BY version"
    )


def with_promotion(number: int, row: Row) -> Row:
    """One field is new, one renamed, and one has another type in every second row."""
    changed = {**row, "promotion": "NONE", "store_region": row["store_state"]}
    del changed["store_state"]
    return {**changed, "deleted": "no"} if number % 2 else changed


def test_evolve_lands_the_date_records_the_change_and_gives_one_alert(
    platform: Platform, sends: Callable[[Callable[[int, Row], Row]], None], tmp_path: Path
) -> None:
    source = altered(platform, tmp_path)
    assert source.ingest(DAY, "outlet_shop").ok
    assert (alerts(source), versions(source)) == ([], [(1, "current", "the first records")])

    sends(with_promotion)
    changed = source.ingest(NEXT, "outlet_shop").results[0]

    assert changed.error is None
    assert changed.schema_notice is not None
    lines = changed.dates[0].fetched
    assert changed.schema_notice.detail.splitlines()[1:4] == [
        f"probably renamed: store_state is now store_region (text), in {lines:,} records",
        f"added: promotion (text), in {lines:,} records",
        f"retyped: deleted, boolean before, now text, in {lines // 2:,} records",
    ]
    assert f"Since the business date {NEXT}" in changed.schema_notice.detail
    assert alerts(source) == [("warning", "open", 1)]
    assert versions(source) == [(1, "replaced", "the first records"), (2, "current", "contract evolve")]

    source.ingest(NEXT, "outlet_shop")
    assert alerts(source) == [("warning", "resolved", 1)]
    assert len(versions(source)) == 2


def test_freeze_lands_nothing_of_the_source_until_the_change_is_accepted(
    platform: Platform, sends: Callable[[Callable[[int, Row], Row]], None], tmp_path: Path
) -> None:
    source = altered(platform, tmp_path, "contract: freeze")
    source.ingest(DAY, "outlet_shop")
    before = source.object_keys()
    sends(with_promotion)

    stopped, other = source.ingest(NEXT, "outlet_shop", "retailer_2").results

    assert (stopped.error_kind, other.error) == ("StopRun", None)
    assert "its contract is freeze. Nothing was landed." in str(stopped.error)
    assert "retail sources accept outlet_shop" in str(stopped.error)
    assert [key for key in source.object_keys() if key not in before and "outlet_shop" in key] == []
    source.ingest(NEXT, "outlet_shop")
    assert alerts(source) == [("error", "open", 2)]
    assert versions(source)[1] == (2, "pending", None)
    [(first, last)] = source.query(
        "SELECT first_seen_at, last_seen_at FROM ops.source_schemas WHERE status = 'pending'"
    )
    assert first < last

    with session(source.dsn, application_name="test") as connection, transaction(connection) as cursor:
        assert len(accept(cursor, "outlet_shop", getpass.getuser(), datetime.now(UTC))) == 3
    assert source.ingest(NEXT, "outlet_shop").ok
    assert alerts(source) == [("error", "resolved", 2)]


def test_reject_makes_dead_letters_of_the_records_that_differ(
    platform: Platform, sends: Callable[[Callable[[int, Row], Row]], None], tmp_path: Path
) -> None:
    source = altered(platform, tmp_path, "contract: reject", "limits: {reject_share: 0.5}")
    source.ingest(DAY, "outlet_shop")
    sends(lambda number, row: {**row, "promotion": "X"} if number % 100 == 3 else row)

    result = source.ingest(NEXT, "outlet_shop").results[0]

    assert result.error is None
    landed = result.dates[0]
    assert landed.reasons == {"SCHEMA_CHANGED": landed.rejected}
    assert landed.fetched // 100 <= landed.rejected <= landed.fetched // 100 + 20
    dead_letters = source.rejected("outlet_shop", NEXT)
    assert {each["reason"] for each in dead_letters} == {"the field promotion is new"}
    assert all(each["payload"]["promotion"] == "X" for each in dead_letters)
    assert alerts(source) == [("warning", "open", 1)]
    assert versions(source)[1:] == [(2, "pending", None)]


def test_a_mapped_field_that_is_renamed_fails_the_date_and_the_alert_says_why(
    platform: Platform, sends: Callable[[Callable[[int, Row], Row]], None], tmp_path: Path
) -> None:
    source = altered(platform, tmp_path)
    source.ingest(DAY, "outlet_shop")
    sends(lambda number, row: {("sku_code" if name == "sku" else name): value for name, value in row.items()})

    for _ in range(2):
        result = source.ingest(NEXT, "outlet_shop").results[0]
        assert "records rejected" in str(result.error)
        assert result.schema_notice is not None
        assert "probably renamed: sku is now sku_code" in result.schema_notice.detail

    assert alerts(source) == [("warning", "open", 2)]
    assert versions(source) == [(1, "current", "the first records")]
