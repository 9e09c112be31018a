"""`python -m transformation.main` against a real S3 API and PostgreSQL: results, errors, crashes, two at once."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow.parquet
import pytest

from local_stack.databases import WarehouseAccess
from shared.config import load_settings
from shared.partitions import processed_key
from tests import shipped_sources
from tests.conftest import S3Access
from tests.copied_process import CopiedProcess, run_new
from tests.fakes.published_days import RETAILERS
from tests.fakes.raw_zone import DAY, RawZone, record
from tests.waiting import wait_until
from transformation.main import run


class Platform:
    """A warehouse and an S3 API, and the command run against them."""

    def __init__(self, warehouse: WarehouseAccess, s3: S3Access) -> None:
        self.warehouse, self.s3 = warehouse, s3
        self.environment = {**s3.environment, **shipped_sources.ENVIRONMENT, "WAREHOUSE_DSN": warehouse.loader_dsn}

    def land(self, count: int, *, day: date = DAY, retailer_id: str = "retailer_1", quantity: int = 2) -> None:
        zone = RawZone()
        records = [
            record(str(n % 3 + 1), transaction=f"T{day:%m%d}-{n // 3}", day=day, retailer_id=retailer_id,
                   qty=quantity, product_id=f"P{n % 50}", customer_id=f"C{n % 90}",
                   currency=RETAILERS[retailer_id][1])
            for n in range(count)
        ]  # fmt: skip
        zone.land(records, retailer_id=retailer_id, day=day)
        for (_, key), body in zone.objects.items():
            self.s3.client.put_object(Bucket=self.s3.bucket_raw, Key=key, Body=body)

    def command(self, *arguments: str, **environment: str) -> CopiedProcess:
        return CopiedProcess("transformation.main", arguments, self.complete_environment | environment)

    def result(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        done = self.command(*arguments, **environment).wait()
        return done.returncode, done.stdout, done.stderr

    @property
    def complete_environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **self.environment}

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.warehouse.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def digest(self) -> str:
        return str(self.query("SELECT ops.warehouse_digest()")[0][0])


@pytest.fixture
def platform(warehouse: WarehouseAccess, s3: S3Access) -> Platform:
    return Platform(warehouse, s3)


def test_the_command_loads_a_day_and_writes_parquet_that_holds_the_same_money(
    platform: Platform, tmp_path: Path
) -> None:
    platform.land(30)
    code, output, errors = platform.result(str(DAY), "--retailer", "retailer_1", "--json")
    assert code == 0, errors
    partition = json.loads(output)["retailers"]["retailer_1"]["partitions"][0]
    assert (partition["landed"], partition["inserted"], partition["in_warehouse"]) == (30, 30, 30)
    platform.s3.client.download_file(
        platform.s3.bucket_processed, processed_key("retailer_1", DAY), str(tmp_path / "sales.parquet")
    )
    conformed = pyarrow.parquet.read_table(tmp_path / "sales.parquet")
    assert str(sum(conformed["net_amount"].to_pylist())) == partition["net_amount"]["USD"] == "750.0000"
    assert platform.query("SELECT stage, status FROM pipeline_runs") == [("transform", "succeeded")]


def test_a_new_month_has_statistics_as_soon_as_it_is_published(platform: Platform) -> None:
    platform.land(300)
    assert platform.result(str(DAY), "--retailer", "retailer_1")[0] == 0
    known = platform.query("SELECT reltuples FROM pg_class WHERE relname IN ('fact_sales_2024_01', 'fact_daily_sales')")
    assert [rows > 0 for (rows,) in known] == [True, True]
    ((grown,),) = platform.query("SELECT ops.refresh_statistics()")
    assert set(grown) <= {"data_lineage"}, "nothing has grown since, but by the run's own end"


def test_it_also_runs_from_its_own_folder(platform: Platform) -> None:
    platform.land(3)
    command = ("transformation", "main.py", str(DAY), "--retailer", "retailer_1")
    done = run_new(*command, environment=platform.complete_environment)
    assert (done.returncode, "retailer_1" in done.stdout) == (0, True), done.stderr


def test_a_retailer_that_was_not_landed_leaves_the_others_published_and_is_named(platform: Platform) -> None:
    platform.land(3, retailer_id="retailer_1")
    platform.land(3, retailer_id="retailer_3")
    code, _, errors = platform.result(str(DAY))
    assert code == 1
    assert "retailer_2 has no landed data for 2024-01-15. Run: python -m ingestion.main 2024-01-15" in errors
    assert platform.query("SELECT count(DISTINCT retailer_key) FROM fact_sales") == [(2,)], errors
    assert platform.query("SELECT status FROM pipeline_runs") == [("partly_failed",)]


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "message"),
    [
        (["2024-13-45"], {}, 2, "'2024-13-45' is not a date. Give it as YYYY-MM-DD"),
        (["2999-01-01"], {}, 2, "2999-01-01 is in the future"),
        (["2024-01-15", "--retailer", "acme"], {}, 2, "Unknown retailer: acme. Known: retailer_1"),
        (["2024-01-15"], {"S3_BUCKET_RAW": ""}, 2, "S3_BUCKET_RAW is missing"),
        (["2024-01-15"], {"S3_BUCKET_RAW": "no-such-bucket"}, 1, "no-such-bucket"),
        (
            ["2024-01-15"],
            {"WAREHOUSE_DSN": "postgresql://u:p@127.0.0.1:9/db"},
            1,
            "No PostgreSQL server responds",
        ),
    ],
)
def test_a_mistake_gets_one_line_that_says_what_to_do(
    platform: Platform, arguments: list[str], environment: dict[str, str], code: int, message: str
) -> None:
    found, _, errors = platform.result(*arguments, **environment)
    assert (found, "Traceback" in errors) == (code, False), errors
    assert message in errors


def test_a_wrong_password_is_reported_without_showing_it(platform: Platform) -> None:
    dsn = platform.warehouse.loader_dsn
    secret = dsn.split(":")[2].split("@")[0]
    code, _, errors = platform.result(str(DAY), WAREHOUSE_DSN=dsn.replace(secret, "not-the-password"))
    assert (code, "Traceback" in errors) == (2, False)
    assert "rejected the password for retail_user@127.0.0.1" in errors
    assert "not-the-password" not in errors


@pytest.mark.long
def test_killed_at_any_instant_the_warehouse_is_as_it_was_or_as_it_should_be(platform: Platform) -> None:
    platform.land(600)
    assert platform.result(str(DAY), "--retailer", "retailer_1")[0] == 0
    before = platform.digest()
    platform.land(900, quantity=3)
    seen = set()
    for milliseconds in (30, 60, 100, 150, 200, 300, 450, 700):
        process = platform.command(str(DAY), "--retailer", "retailer_1")
        time.sleep(milliseconds / 1000)
        process.send(signal.SIGKILL)
        process.wait()
        wait_until_no_loader_is_left(platform)
        seen.add(platform.digest())
    assert platform.result(str(DAY), "--retailer", "retailer_1")[0] == 0
    after = platform.digest()
    assert after != before
    assert seen <= {before, after}


def wait_until_no_loader_is_left(platform: Platform) -> None:
    loaders = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'retail-%'"
    )
    wait_until(lambda: platform.query(loaders) == [(0,)], 60, every=0.02)


def test_a_load_that_waited_while_its_date_was_landed_again_loads_the_newer_one(platform: Platform) -> None:
    platform.land(30)
    with psycopg2.connect(platform.warehouse.loader_dsn) as other, other.cursor() as cursor:
        cursor.execute("SELECT ops.enter_load('retailer_1')")
        process = platform.command(str(DAY), "--retailer", "retailer_1")
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        wait_until(lambda: platform.query(waiting) != [(0,)], 60, every=0.02)
        platform.land(30, quantity=7)
    done = process.wait()
    assert done.returncode == 0, done.stderr
    assert platform.query("SELECT DISTINCT quantity FROM fact_sales") == [(7,)]
    assert platform.query("SELECT count(*) FROM load_ledger") == [(1,)]


@pytest.mark.long
def test_days_and_replays_loaded_at_once_end_as_if_one_by_one(platform: Platform) -> None:
    days = [DAY + timedelta(days=n) for n in range(12, 18)]  # two months, so that partitions are made at once too
    retailers = ["retailer_1", "retailer_2"]
    for day in days:
        for retailer_id in retailers:
            platform.land(90, day=day, retailer_id=retailer_id)
    settings = load_settings(platform.environment)
    with ThreadPoolExecutor(6) as pool:
        results = list(
            pool.map(lambda job: run(job[1], retailers, settings=settings, run_id=f"run-{job[0]}"), enumerate(days * 2))
        )
    assert all(result.ok for result in results)
    together = platform.digest()
    assert platform.query("SELECT count(*), sum(net_quantity) FROM fact_sales") == [(1080, 2160)]
    for day in days:
        assert run(day, retailers, settings=settings, run_id="again").ok
    assert platform.digest() == together
