"""The commands that look things up and set things up, against a real warehouse and S3 API."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from shared.database import session, transaction
from shared.dead_letters import DeadLetter, Origin, record
from tests.fakes.published_days import PublishedDays

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess
    from tests.conftest import S3Access
    from tests.integration.cli.conftest import Retail

DAY = date(2024, 1, 15)
DEAD_LETTERS = (
    DeadLetter("NEGATIVE_PRICE", "unit_price is -1", "page 3, row 17", {"sku": "[bold]P1[/]", "price": "-1"}),
    DeadLetter("INVALID_DATE", "sold_at is 'soon'", "page 1, row 2", {"sku": "P2", "sold": "soon"}),
)


@pytest.fixture
def environment(warehouse: WarehouseAccess, s3: S3Access) -> dict[str, str]:
    return {**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn}


@pytest.fixture
def dead_letters(warehouse: WarehouseAccess) -> None:
    origin = Origin("retailer_2", DAY, "ingest", "run-1", "rejected/x.json", datetime(2024, 1, 16, 2, tzinfo=UTC))
    with session(warehouse.loader_dsn, application_name="test") as connection, transaction(connection) as cursor:
        record(cursor, [each.line() for each in DEAD_LETTERS], origin)


@pytest.mark.usefixtures("dead_letters")
def test_dead_letters_are_listed_by_the_given_filters(
    environment: dict[str, str], printed: Callable[..., Any], retail: Retail
) -> None:
    everything = printed(environment, "dead-letters", "list")
    assert everything["matching"] == 2
    assert {each["reason_code"] for each in everything["dead_letters"]} == {"NEGATIVE_PRICE", "INVALID_DATE"}
    for filters, matching in (
        (["--code", "NEGATIVE_PRICE"], 1),
        (["--retailer", "retailer_1"], 0),
        (["--date", "2024-01-15", "--retailer", "retailer_2"], 2),
        (["--date", "2024-01-14"], 0),
        (["--status", "resolved"], 0),
        (["--status", "all"], 2),
        (["--limit", "1"], 2),
    ):
        found = printed(environment, "dead-letters", "list", *filters)
        assert found["matching"] == matching, filters
    shown = retail(environment, "dead-letters", "list", "--limit", "1").stdout
    assert "1 of 2 shown" in shown
    assert retail(environment, "dead-letters", "list", "--code", "TOO_LONG").stdout == "No dead letter matches.\n"


@pytest.mark.usefixtures("dead_letters")
def test_a_dead_letter_is_shown_with_its_payload_as_it_was(
    environment: dict[str, str], printed: Callable[..., Any], retail: Retail
) -> None:
    number = printed(environment, "dead-letters", "list", "--code", "NEGATIVE_PRICE")["dead_letters"][0][
        "dead_letter_id"
    ]
    assert printed(environment, "dead-letters", "show", str(number))["payload"] == DEAD_LETTERS[0].payload
    shown = retail(environment, "dead-letters", "show", str(number)).stdout
    assert "page 3, row 17" in shown
    assert json.loads(shown[shown.index("{") :]) == DEAD_LETTERS[0].payload
    missing = retail(environment, "dead-letters", "show", "999999")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "Dead letter 999999 does not exist" in missing.stderr


def test_loads_are_listed_newest_first(
    warehouse: WarehouseAccess, environment: dict[str, str], printed: Callable[..., Any], retail: Retail
) -> None:
    assert "Nothing has been published yet" in retail(environment, "loads").stdout
    days = PublishedDays(warehouse.owner_dsn)
    days.publish_all(DAY)
    days.close()
    found = printed(environment, "loads")
    numbers = [each["load_id"] for each in found]
    assert numbers == sorted(numbers, reverse=True)
    assert len(printed(environment, "loads", "--limit", "1")) == 1
    assert {each["retailer_id"] for each in printed(environment, "loads", "--retailer", "retailer_2")} == {"retailer_2"}
    shown = retail(environment, "loads").stdout
    assert "retailer_2" in shown
    assert str(DAY) in shown


def test_a_day_without_a_load_is_reported(environment: dict[str, str], retail: Retail) -> None:
    done = retail(environment, "ledger", "2024-01-15", "--retailer", "retailer_1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Nothing of retailer_1 was published for 2024-01-15. Run: retail run 2024-01-15\n"


def test_an_unreachable_warehouse_is_reported_in_one_line(environment: dict[str, str], retail: Retail) -> None:
    done = retail({**environment, "WAREHOUSE_DSN": "postgresql://u:p@127.0.0.1:9/db"}, "loads")
    assert done.returncode == 1
    assert done.stderr.startswith("No PostgreSQL server responds at u@127.0.0.1:9/db.")


def test_migrate_makes_the_schema_and_does_nothing_the_second_time(database: str, retail: Retail) -> None:
    environment = {"WAREHOUSE_OWNER_DSN": database}
    first = retail(environment, "migrate")
    assert (first.returncode, first.stderr) == (0, "")
    assert "applied: 01_create_schema.sql" in first.stdout
    assert "applied: nothing" in retail(environment, "migrate").stdout
    assert retail({}, "migrate").returncode == 2


def test_s3_check_tries_both_buckets(environment: dict[str, str], s3: S3Access, retail: Retail) -> None:
    done = retail(environment, "s3", "check")
    assert (done.returncode, done.stdout.count("written, read, listed and deleted")) == (0, 2)
    s3.deny(s3.bucket_processed)
    denied = retail(environment, "s3", "check")
    assert denied.returncode == 2
    assert s3.bucket_processed in denied.stderr


def test_a_view_is_refreshed_by_the_command(environment: dict[str, str], printed: Callable[..., Any]) -> None:
    assert len(printed(environment, "refresh")["views"]) == 6


def test_rules_and_layouts_need_no_setting(printed: Callable[..., Any], retail: Retail) -> None:
    severities = {each["code"]: each["severity"] for each in printed({}, "rules")}
    assert severities["NEGATIVE_PRICE"] == "error"
    of_layout = [each["code"] for each in printed({}, "rules", "--layout", "online_retail")]
    assert "OUTLIER_QUANTITY" in of_layout
    assert "online_retail" in [each["name"] for each in printed({}, "layouts", "list")]
    assert printed({}, "layouts", "show", "online_retail")["columns"]["product_id"] == {"column": "StockCode"}
    assert "always 'GBP'" in retail({}, "layouts", "show", "online_retail").stdout
    unknown = retail({}, "layouts", "show", "online_retial")
    assert unknown.returncode == 2
    assert "online_retail" in unknown.stderr


def test_the_platform_is_handed_to_the_checkout(retail: Retail) -> None:
    done = retail({}, "status", "--json")
    assert set(json.loads(done.stdout)) == {"up", "services"}
