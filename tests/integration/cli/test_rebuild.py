"""`retail rebuild`: the raw zone is enough to make the warehouse again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cli.rebuild import dates_of
from shared.database import session, transaction
from shared.partitions import manifest_key, raw_key
from tests.fakes.raw_zone import DAY, RawZone, record

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess
    from tests.conftest import S3Access
    from tests.integration.cli.conftest import Retail

DAYS = [DAY + timedelta(days=number) for number in (0, 1, 20)]


@pytest.fixture
def environment(warehouse: WarehouseAccess, s3: S3Access) -> dict[str, str]:
    zone = RawZone()
    for name in ("retailer_1", "retailer_2"):
        for day in DAYS:
            records = [
                record(str(number % 3 + 1), transaction=f"T{day:%m%d}-{number // 3}", day=day, retailer_id=name,
                       product_id=f"P{number % 5}", customer_id=f"C{number % 7}")
                for number in range(60)
            ]  # fmt: skip
            zone.land(records, retailer_id=name, day=day)
    for (_, key), body in zone.objects.items():
        s3.client.put_object(Bucket=s3.bucket_raw, Key=key, Body=body)
    return {**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn}


def test_an_empty_warehouse_becomes_what_the_daily_loads_made_of_it(
    warehouse: WarehouseAccess, environment: dict[str, str], retail: Retail, printed: Callable[..., Any]
) -> None:
    result = printed(environment, "rebuild")
    assert result["ok"] is True
    assert {name: (load["dates"], load["inserted"]) for name, load in result["retailers"].items()} == {
        "retailer_1": (3, 180),
        "retailer_2": (3, 180),
    }
    digest = retail(environment, "digest").stdout
    for day in DAYS:
        done = retail(environment, "transform", str(day), "--retailer", "retailer_1", "--retailer", "retailer_2")
        assert done.returncode == 0, done.stderr
    assert retail(environment, "digest").stdout == digest, "the daily loads found nothing to change"
    again = printed(environment, "rebuild")["retailers"]
    assert [(load["inserted"], load["unchanged"]) for load in again.values()] == [(0, 180), (0, 180)]
    with session(warehouse.owner_dsn, application_name="test") as connection, transaction(connection) as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT retailer_key) FROM fact_sales")
        assert cursor.fetchone() == (360, 2)


def test_a_range_and_a_retailer_can_be_chosen(
    environment: dict[str, str], retail: Retail, printed: Callable[..., Any]
) -> None:
    result = printed(environment, "rebuild", "--retailer", "retailer_2", "--from", str(DAYS[1]), "--to", str(DAYS[1]))
    assert [(name, load["dates"]) for name, load in result["retailers"].items()] == [("retailer_2", 1)]
    nothing = retail(environment, "rebuild", "--to", "2020-01-01")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "The raw zone has no landed date that matches" in nothing.stderr


@pytest.mark.long
def test_a_retailer_that_cannot_be_read_leaves_the_others_rebuilt(
    environment: dict[str, str], s3: S3Access, retail: Retail
) -> None:
    s3.client.put_object(Bucket=s3.bucket_raw, Key=raw_key("retailer_1", DAYS[0]), Body=b"{}\n")
    done = retail(environment, "rebuild", "--json")
    result = json.loads(done.stdout)["retailers"]
    assert (done.returncode, result["retailer_1"]["status"], result["retailer_2"]["status"]) == (
        1,
        "failed",
        "published",
    )
    assert "is not the one its manifest names" in done.stderr


def test_only_partitions_with_a_manifest_count() -> None:
    keys = [
        manifest_key("shop", date(2024, 2, 1)),
        manifest_key("shop", date(2024, 1, 15)),
        raw_key("shop", date(2024, 3, 1)),
        "raw/shop/notes.txt",
    ]
    assert dates_of(keys) == {"shop": [date(2024, 1, 15), date(2024, 2, 1)]}
