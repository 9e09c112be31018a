"""A CSV as a retailer's sales: every row, every cent, in each retailer's format."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from retailers.seeding.online_retail_csv import COLUMNS, open_csv
from tests.integration.retailers.clients import Report, changes, lines_on
from tests.integration.retailers.conftest import RunningRetailer, Start

DAY = date(2011, 7, 1)
LINES = (
    "1,A,LAMP ,2,7/1/2011 8:26,2.55,17850,United Kingdom",
    "1,A,LAMP ,2,7/1/2011 8:26,2.55,17850,United Kingdom",  # equal: delivered twice, counted once
    "1,A,lamp,2,7/1/2011 8:26,2.55,17850,United Kingdom",  # another description: another line
    "1,A,LAMP ,1,7/1/2011 8:26,2.55,17850,United Kingdom",
    "1,B,,3,7/1/2011 8:27,0,17850,United Kingdom",  # the invoice goes on in the next minute; no description
    "1,A,LAMP ,5,7/1/2011 8:26,2.55,17850,United Kingdom",
    '2,C,"A, ""B"" £\t\\N",80995,7/1/2011 9:00,0.001,,EIRE',  # guest, thousandths, awkward characters
    "C3,A,LAMP,-2,7/1/2011 10:00,2.55,17850,France",
    "A4,BAD,Adjust bad debt,1,7/1/2011 11:00,-11062.06,,United Kingdom",
    "5,A,damaged,-10,7/1/2011 12:00,0,,United Kingdom",
    "6,A,LAMP,1,7/2/2011 8:00,1,17850,United Kingdom",
)
DISTINCT = 9
NET = Decimal("2.55") * (2 + 2 + 1 + 5 - 2) + Decimal("80.995") - Decimal("11062.06")


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "sales.csv"
    path.write_text("\n".join((",".join(COLUMNS), *LINES, "")), encoding="utf-8")
    return path


def replaying(start: Start, number: int, path: Path, **changed: str) -> RunningRetailer:
    retailer = start(number, RETAILER_REPLAY_CSV=str(path), **changed)
    if number != 1:
        retailer.client.zone = ZoneInfo("Europe/London")
    return retailer


@pytest.fixture(scope="module", params=[1, 2, 3], ids=["retailer_1", "retailer_2", "retailer_3"])
def replay(request: pytest.FixtureRequest, start: Start, sales: Path) -> RunningRetailer:
    return replaying(start, request.param, sales)


def test_every_row_is_delivered_as_often_as_it_is_in_the_csv(replay: RunningRetailer) -> None:
    lines = lines_on(replay.client, DAY, 2)
    delivered = Counter((line.receipt, line.product, line.name, line.quantity, line.price) for line in lines)
    assert delivered == {
        ("1", "A", "LAMP ", 2, Decimal("2.55")): 2,
        ("1", "A", "lamp", 2, Decimal("2.55")): 1,
        ("1", "A", "LAMP ", 1, Decimal("2.55")): 1,
        ("1", "A", "LAMP ", 5, Decimal("2.55")): 1,
        ("1", "B", None, 3, Decimal(0)): 1,
        ("2", "C", 'A, "B" £\t\\N', 80995, Decimal("0.001")): 1,
        ("C3", "A", "LAMP", -2, Decimal("2.55")): 1,
        ("A4", "BAD", "Adjust bad debt", 1, Decimal("-11062.06")): 1,
        ("5", "A", "damaged", -10, Decimal(0)): 1,
    }
    assert {line.number for line in lines} == {None}
    assert {line.day for line in lines} == {DAY}
    assert {line.currency for line in lines} == {"GBP"}
    assert {line.store for line in lines} == {"ONLINE"}


def test_the_report_counts_equal_rows_once(replay: RunningRetailer) -> None:
    lines = set(lines_on(replay.client, DAY))
    assert len(lines) == DISTINCT
    assert replay.client.report(DAY) == Report(DISTINCT, {"GBP": NET})


def test_rows_are_classified(replay: RunningRetailer) -> None:
    kinds = {line.receipt: line.kind for line in lines_on(replay.client, DAY)}
    assert kinds == {"1": "sale", "2": "sale", "C3": "return", "A4": "adjustment", "5": "adjustment"}


def test_times_are_london_times(replay: RunningRetailer) -> None:
    times = {line.sold_at for line in lines_on(replay.client, DAY) if line.receipt == "1"}
    assert times == {datetime(2011, 7, 1, 7, minute, tzinfo=UTC) for minute in (26, 27)}


def test_customers_have_a_number_and_a_country_and_guests_have_nothing(replay: RunningRetailer) -> None:
    seen = {(line.receipt, line.customer, line.customer_state) for line in lines_on(replay.client, DAY)}
    assert ("C3", "17850", (None, None, None, "France", None)) in seen
    assert ("2", None, (None, None, None, None, None)) in seen


def test_the_changes_of_a_replay_are_its_rows(replay: RunningRetailer) -> None:
    rows = changes(replay.client, datetime(2011, 7, 1, 8, 30, tzinfo=UTC), 2)
    assert {line.receipt for line in rows} == {"C3", "A4", "5", "6"}


def test_other_days_are_empty(replay: RunningRetailer) -> None:
    assert replay.client.sold_on(date(2024, 1, 15)) == []
    assert replay.client.report(date(2024, 1, 15)) == Report(0, {})


def test_retailer_2_gives_an_invoice_of_two_minutes_as_two_orders_of_one_id(start: Start, sales: Path) -> None:
    pages = replaying(start, 2, sales).client.pages(1, placed_on="2011-07-01")
    orders = [order for page in pages for order in page["data"]]
    assert [order["id"] for order in orders].count("1") == 2
    assert len({(order["id"], order["placed_at"]) for order in orders}) == len(orders)
    assert {order["id"]: order["currency"]["exponent"] for order in orders} == {
        "1": 2,
        "2": 3,
        "C3": 2,
        "A4": 2,
        "5": 2,
    }


def test_time_zone_and_currency_can_be_chosen(start: Start, sales: Path) -> None:
    retailer = start(
        1, RETAILER_REPLAY_CSV=str(sales), RETAILER_REPLAY_TIMEZONE="Europe/Paris", RETAILER_REPLAY_CURRENCY="EUR"
    )
    row = retailer.client.sold_on(DAY)[0]
    assert (row["sold_at"], row["currency"]) == ("2011-07-01T08:26:00+02:00", "EUR")


def test_a_retailer_is_filled_again_with_another_csv_but_not_with_the_same_one(
    start: Start, sales: Path, tmp_path: Path
) -> None:
    retailer = start(1, RETAILER_REPLAY_CSV=str(sales))
    truth = retailer.client.sold_on(DAY)
    assert start(1, retailer.dsn, RETAILER_REPLAY_CSV=str(sales)).client.sold_on(DAY) == truth
    other = tmp_path / "other.csv"
    other.write_text("\n".join((",".join(COLUMNS), LINES[0], "")), encoding="utf-8")
    assert len(start(1, retailer.dsn, RETAILER_REPLAY_CSV=str(other)).client.sold_on(DAY)) == 1
    assert start(1, retailer.dsn).client.sold_on(DAY) == []


# The real data set

DATA = Path(os.environ.get("RETAIL_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")
ONLINE_RETAIL = DATA / "online_retail.csv.zst"
SLICE = {date(2010, 12, day) for day in (1, 2, 5)} | {date(2011, 8, 12), date(2011, 10, 30)}


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[date, list[tuple[str, ...]]]]:
    """A CSV with some days of the real one, and its rows by date."""
    wanted = {f"{day.month}/{day.day}/{day.year}": day for day in SLICE}
    rows: dict[date, list[tuple[str, ...]]] = defaultdict(list)
    path = tmp_path_factory.mktemp("real") / "part.csv"
    with (
        io.TextIOWrapper(open_csv(ONLINE_RETAIL), encoding="utf-8", newline="") as text,
        path.open("w", encoding="utf-8", newline="") as kept,
    ):
        writer = csv.writer(kept)
        writer.writerow(COLUMNS)
        for row in csv.reader(text):
            day = wanted.get(row[4].partition(" ")[0])
            if day:
                rows[day].append(tuple(row))
                writer.writerow(row)
    return path, rows


@pytest.mark.real_data
@pytest.mark.skipif(not ONLINE_RETAIL.is_file(), reason=f"{ONLINE_RETAIL} is not there")
@pytest.mark.parametrize("number", [1, 2, 3], ids=["retailer_1", "retailer_2", "retailer_3"])
def test_days_of_the_real_data_set_arrive_to_the_row_and_cent(
    start: Start, number: int, part: tuple[Path, dict[date, list[tuple[str, ...]]]]
) -> None:
    path, rows = part
    assert rows.keys() == SLICE
    retailer = replaying(start, number, path)
    for day, wanted in rows.items():
        delivered = Counter(
            (line.receipt, line.product, line.name or "", line.quantity, line.price, line.customer or "")
            for line in lines_on(retailer.client, day)
        )
        assert delivered == Counter((row[0], row[1], row[2], int(row[3]), Decimal(row[5]), row[6]) for row in wanted)
        distinct = set(wanted)
        net = sum((int(row[3]) * Decimal(row[5]) for row in distinct), Decimal(0))
        assert retailer.client.report(day) == Report(len(distinct), {"GBP": net})
