"""The daily run with all kinds of sources side by side, one of them failing: nothing else is affected by it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg2
import pytest

from pipeline.due_sources import due_sources
from shared.config import Settings, load_settings
from shared.s3_admin import ensure_bucket
from tests.conftest import ROLE_PASSWORDS
from tests.copied_process import run_module
from tests.integration.conftest import NOW
from tests.integration.pipeline.all_kinds import DAY, AllKinds

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess
    from local_stack.postgres import PostgresServer
    from local_stack.s3_server import S3Process

pytestmark = pytest.mark.long  # the servers of all kinds take longer to start than any other test
ARRIVALS = "arrivals"
"""The source that is loaded between the daily runs."""
REVENUE = """
SELECT retailer_id, currency, sum(net_amount) FROM fact_sales JOIN dim_retailer USING (retailer_key)
 WHERE item_type NOT IN ('tip', 'gift_card') GROUP BY 1, 2
"""
NOT_RECONCILED = """
WITH facts AS (
    SELECT retailer_id, count(*) AS lines FROM fact_sales JOIN dim_retailer USING (retailer_key) GROUP BY 1
), latest AS (
    SELECT DISTINCT ON (retailer_id) * FROM ops.load_ledger ORDER BY retailer_id, load_id DESC
)
SELECT retailer_id, fetched, landed, rejected, reported, in_warehouse, lines
  FROM latest FULL JOIN facts USING (retailer_id)
 WHERE (fetched = landed + rejected AND coalesce(reported, landed) = in_warehouse AND in_warehouse = lines) IS NOT TRUE
"""
"""Sources whose records do not add up."""
VIEWS = "SELECT retailer_id, currency, sum(net_amount) FROM mv_daily_sales_summary GROUP BY 1, 2"
MISSING = "SELECT retailer_id FROM ops.alerts WHERE kind = 'missing_data' AND status <> 'resolved'"
"""Sources with an open alert. Such small shops have warnings of quality, too: they know no customers."""
IDS = (
    *("retailer_1", "retailer_2", "retailer_3", "rest_shop", "berlin_shop", "woo_shop", "payments"),
    *("postgresql_till", "mysql_till", "sqlite_till", "mongodb_till", "singer_till", "dlt_till"),
    *("folder_drop", "bucket_drop", "sftp_drop", ARRIVALS),
)
"""The sources, of which each fails once."""
Done = subprocess.CompletedProcess[str]


@dataclass
class Platform:
    """A warehouse and a raw zone that belong to one test, and commands that read all sources."""

    kinds: AllKinds
    warehouse: WarehouseAccess
    own: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        fast = {"INGEST_REQUESTS_PER_SECOND": "10000", "INGEST_BACKOFF_SECONDS": "0", "INGEST_MAX_ATTEMPTS": "2"}
        sources = {"SOURCES_DIRECTORY": str(self.kinds.directory), **self.kinds.environment}
        return {**fast, **sources, **self.own, "WAREHOUSE_DSN": self.warehouse.loader_dsn}

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    def retail(self, *arguments: str, **changed: str) -> Done:
        process = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "COLUMNS": "200"}
        done = run_module("cli", *arguments, environment={**process, **self.environment, **changed})
        assert "Traceback" not in done.stderr
        return done

    def run(self, changed: Mapping[str, str] = {}) -> Done:
        return self.retail("run", DAY.isoformat(), "--json", **changed)

    def load_arrivals(self, changed: Mapping[str, str] = {}) -> Done:
        """What `retail_source_updates` does: load the sources of files that are due."""
        assert due_sources(self.settings, NOW) == [ARRIVALS]
        return self.retail("sources", "load", ARRIVALS, "--no-report", **changed)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.warehouse.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def revenue(self, statement: str = REVENUE) -> dict[tuple[str, str], Decimal]:
        return {(source, currency): net for source, currency, net in self.query(statement)}

    def digest(self) -> str:
        return str(self.query("SELECT ops.warehouse_digest()")[0][0])


@dataclass
class Platforms:
    """Makes platforms, and removes them."""

    kinds: AllKinds
    postgres: PostgresServer
    template: str
    s3: S3Process

    @contextmanager
    def new(self) -> Iterator[Platform]:
        from local_stack.databases import create_warehouse

        unique = uuid4().hex[:12]
        buckets = {f"S3_BUCKET_{zone.upper()}": f"{zone}-{unique}" for zone in ("raw", "processed")}
        name = f"warehouse_{unique}"
        warehouse = create_warehouse(self.postgres, ROLE_PASSWORDS, name=name, template=self.template)
        platform = Platform(self.kinds, warehouse, {**self.s3.environment, **buckets})
        for bucket in buckets.values():
            ensure_bucket(platform.settings.s3, bucket)
        yield platform
        self.postgres.drop_database(name)


@dataclass(frozen=True)
class Undisturbed:
    """What a warehouse has after a run that nothing disturbed."""

    digest: str
    revenue: dict[tuple[str, str], Decimal]
    in_views: dict[tuple[str, str], Decimal]


@pytest.fixture(scope="module")
def platforms(
    all_kinds: AllKinds, postgres_server: PostgresServer, warehouse_template: str, s3_server: S3Process
) -> Platforms:
    return Platforms(all_kinds, postgres_server, warehouse_template, s3_server)


@pytest.fixture(scope="module")
def undisturbed(platforms: Platforms) -> Undisturbed:
    with platforms.new() as platform:
        done = platform.run()
        assert done.returncode == 0, done.stderr
        assert platform.load_arrivals().returncode == 0
        assert platform.query(NOT_RECONCILED) == []
        return Undisturbed(platform.digest(), platform.revenue(), platform.revenue(VIEWS))


def test_a_run_publishes_what_each_kind_of_source_earned(undisturbed: Undisturbed, all_kinds: AllKinds) -> None:
    assert undisturbed.revenue == all_kinds.revenue()
    assert undisturbed.in_views == all_kinds.revenue()


@pytest.mark.parametrize("failing", IDS)
def test_the_next_run_ends_as_if_the_source_had_never_failed(
    failing: str, platforms: Platforms, undisturbed: Undisturbed
) -> None:
    with platforms.new() as platform:
        check_failing(platform, failing)
        assert platform.digest() == undisturbed.digest


def test_each_source_fails_in_one_of_these_tests(all_kinds: AllKinds) -> None:
    assert sorted(all_kinds.sources) == sorted(IDS)


def check_failing(platform: Platform, failing: str) -> None:
    """Run the date while a source fails, and then again.

    The source is named with what to do, the others are published and add up, and the second run completes the date.
    """
    source, expected = platform.kinds.sources[failing], platform.kinds.revenue()
    with source.broken() as changed:
        run = platform.run(changed)
        arrivals = platform.load_arrivals(changed)
    failed, succeeded = (arrivals, run) if failing == ARRIVALS else (run, arrivals)
    assert (failed.returncode, succeeded.returncode) == (1, 0), failed.stderr
    assert re.search(source.says, failed.stderr), failed.stderr
    if failing != ARRIVALS:
        assert list(json.loads(run.stdout)["missing"]) == [failing]
        assert platform.query(MISSING) == [(failing,)]
    others = {key: net for key, net in expected.items() if key[0] != failing}
    assert platform.revenue() == others
    assert platform.revenue(VIEWS) == others
    assert platform.query(NOT_RECONCILED) == []

    again = platform.run()
    assert again.returncode == 0, again.stderr
    assert platform.load_arrivals().returncode == 0
    assert platform.revenue() == expected
    assert platform.query(NOT_RECONCILED) == []
    assert platform.query(MISSING) == []
