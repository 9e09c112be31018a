"""A source's times are trusted up to our own clock, in the list of changes and in each record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from ingestion import source_clock
from ingestion.connectors.http.client import JsonResponse
from ingestion.connectors.protocol import RawPage, change_time, source_time
from ingestion.connectors.values.times import epoch_time, iso_time
from ingestion.landing.listing import Listing, reading_listing
from ingestion.mapping.workspace import workspace
from tests.fakes.csv_sources import HEADER, shop_layout, write
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import row_1

NOW = datetime(2024, 1, 20, 12, tzinfo=UTC)
DAY = date(2024, 1, 15)
SOLD_AT = "2024-01-15T12:03:22"


@pytest.mark.parametrize(
    ("as_of", "counted"),
    [
        (NOW - timedelta(hours=1), NOW - timedelta(hours=1)),
        (NOW, NOW - timedelta(minutes=10)),
        (datetime(2099, 1, 1, tzinfo=UTC), NOW - timedelta(minutes=10)),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)),
    ],
    ids=["an hour behind", "exact", "in 2099", "in the year 1"],
)
def test_changes_count_as_read_up_to_the_sources_clock_but_never_up_to_ours(as_of: datetime, counted: datetime) -> None:
    assert source_clock.read_until(as_of, NOW) == counted


@contextmanager
def listing(*rows: dict[str, Any]) -> Iterator[Listing]:
    latest = NOW + source_clock.RECORD_MARGIN
    with (
        workspace(64, threads=1) as connection,
        reading_listing(retailer_mapping(1), DAY, 64, connection, latest) as found,
    ):
        found.add(RawPage(1, rows, NOW))
        yield found


def landed(found: Listing) -> list[dict[str, Any]]:
    _, text = found.complete()
    assert isinstance(text.body, Path)
    return [orjson.loads(line) for line in text.body.read_bytes().splitlines()]


def test_a_line_changed_in_the_future_counts_as_changed_when_it_was_sold() -> None:
    with listing(row_1(last_modified="2099-01-01T00:00:00Z"), row_1(line_no=2)) as found:
        first, second = landed(found)
        assert (first["changed_at"][:19], second["changed_at"][:19]) == (SOLD_AT, "2024-01-15T12:03:40")
        assert found.future_times.records == 1
        assert found.future_times.greatest == datetime(2099, 1, 1, tzinfo=UTC)


def test_a_customer_known_since_the_future_is_known_since_an_unknown_time() -> None:
    with listing(row_1(customer_updated_at="2099-01-01T00:00:00Z")) as found:
        [line] = landed(found)
        assert line.get("customer_since") is None
        assert found.future_times.records == 1


def test_a_clock_that_is_hours_ahead_is_believed() -> None:
    with listing(row_1(last_modified="2024-01-21T02:00:00Z")) as found:
        [line] = landed(found)
        assert line["changed_at"][:19] == "2024-01-21T02:00:00"
        assert found.future_times.records == 0


def test_of_two_versions_one_from_the_future_does_not_replace_the_other() -> None:
    wrong = row_1(qty=3, line_total="37.50", last_modified="2099-01-01T00:00:00Z")
    right = row_1(qty=1, line_total="12.50", last_modified="2024-01-17T12:00:00Z")
    for rows in ((wrong, right), (right, wrong)):
        with listing(*rows) as found:
            totals, _ = found.complete()
            assert [str(amount) for amount in totals.distinct_amounts.values()] == ["12.5000"]


def test_lines_of_files_with_times_in_the_future_are_flagged(tmp_path: Path) -> None:
    from ingestion.connectors.files.read_files import read_files

    layout = shop_layout()
    columns = {**layout.columns, "changed_at": layout.columns["sold_at"].model_copy(update={"column": "Changed"})}
    path = write(
        tmp_path / "sales.csv",
        f"{HEADER},Changed\nR1,1,P1,Cup,2,3.50,15/01/2024 10:30,C1,15/01/2099 10:30\n"
        "R2,2,P1,Cup,2,3.50,15/01/2024 10:30,C1,16/01/2024 10:30\n",
    )
    with workspace() as connection:
        read = read_files(
            [str(path)], layout.model_copy(update={"columns": columns}), connection, max_reject_share=0, latest=NOW
        )
        assert read.flagged["FUTURE_TIME"] == 1
        assert connection.execute("SELECT line_id FROM flagged_rows").fetchall() == [("1",)]
        changed = connection.execute("SELECT strftime(changed_at, '%d %H') FROM landed_records ORDER BY line_id")
        assert changed.fetchall() == [("15 10",), ("16 10",)]


@pytest.mark.parametrize("text", ["2099-13-01T00:00:00Z", "9999-12-31T23:00:00Z", None, 7])
def test_a_change_whose_time_cannot_be_read_is_not_missed(text: object) -> None:
    assert change_time(lambda: iso_time("last_modified", text)) == source_clock.ANY_TIME


@pytest.mark.parametrize("seconds", [-62135596800, 253402300799])
def test_epoch_times_that_not_every_zone_has_are_rejected(seconds: int) -> None:
    assert change_time(lambda: epoch_time("modified_at", seconds)) == source_clock.ANY_TIME


@pytest.mark.parametrize(
    ("stamp", "behind"),
    [
        ("Fri, 31 Dec 9999 23:59:59 -0500", timedelta(0)),
        ("Thu, 01 Jan 2099 00:00:00 GMT", timedelta(0)),
        ("Sat, 20 Jan 2024 11:00:00 -0000", timedelta(hours=1)),
        ("soon", timedelta(0)),
    ],
)
def test_the_date_of_a_response_counts_only_if_it_is_past(stamp: str, behind: timedelta) -> None:
    assert source_time(JsonResponse({}, {"Date": stamp}, NOW)) == NOW - behind
