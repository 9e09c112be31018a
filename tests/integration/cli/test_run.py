"""`retail run` against real retailers, S3 and PostgreSQL: one run, then again, then with a retailer down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.source_definitions import write_source

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.cli.conftest import Retail
    from tests.integration.ingestion.conftest import Platform

DAY = "2024-01-17"


def test_a_run_brings_sales_to_the_views_and_its_ledger_adds_up(
    platform: Platform, retail: Retail, printed: Callable[..., Any]
) -> None:
    done = retail(platform.environment, "run", DAY, "--only-this-date")
    assert done.returncode == 0, done.stdout + done.stderr
    for number, stage in enumerate(("plan", "ingest", "transform", "quality", "refresh"), 1):
        assert f"{number}/5 {stage:<10} ok" in done.stdout
    assert platform.query("SELECT count(*) > 1000 FROM mv_daily_sales_summary JOIN fact_sales ON true") == [(True,)]
    assert platform.query("SELECT DISTINCT stage, status FROM pipeline_runs ORDER BY 1") == [
        (stage, "succeeded") for stage in ("ingest", "plan", "quality", "refresh", "transform")
    ]
    assert platform.query("SELECT count(DISTINCT run_id) FROM pipeline_runs") == [(1,)]

    loads = printed(platform.environment, "loads")
    assert sorted(each["retailer_id"] for each in loads) == ["retailer_1", "retailer_2", "retailer_3"]
    assert all(each["fetched"] == each["landed"] + each["rejected"] for each in loads)
    assert sum(each["in_warehouse"] for each in loads) == platform.query("SELECT count(*) FROM fact_sales")[0][0]

    digest = retail(platform.environment, "digest").stdout
    assert digest.strip() == platform.query("SELECT ops.warehouse_digest()::text")[0][0]
    assert retail(platform.environment, "run", DAY, "--only-this-date").returncode == 0
    assert retail(platform.environment, "digest").stdout == digest


def test_the_ledger_shows_where_records_and_money_of_a_day_went(
    platform: Platform, retail: Retail, printed: Callable[..., Any]
) -> None:
    assert retail(platform.environment, "run", DAY, "--retailer", "retailer_1", "--only-this-date").returncode == 0
    partition = printed(platform.environment, "ledger", DAY)["partitions"][0]
    records, money = partition["records"], partition["money"]["USD"]
    assert records["fetched"] == records["landed"] + records["rejected"] == records["reported"]
    assert [(str(each),) for each in [money["in_warehouse"]]] == platform.query(
        "SELECT sum(net_amount)::text FROM fact_sales"
    )
    shown = retail(platform.environment, "ledger", DAY, "--retailer", "retailer_1").stdout
    assert f"{records['landed']:,}" in shown
    assert f"{float(money['in_warehouse']):,.2f}" in shown


def test_a_retailer_that_is_down_is_named_and_the_others_are_published(
    platform: Platform, vendors: dict[str, Vendor], retail: Retail
) -> None:
    vendors["retailer_3"].faults("down")
    done = retail({**platform.environment, "INGEST_MAX_ATTEMPTS": "2"}, "run", DAY, "--only-this-date", "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["ok"], list(result["missing"])) == (1, False, ["retailer_3"])
    assert list(result["stages"]) == ["plan", "ingest", "transform", "quality", "refresh"]
    assert "retailer_3 is missing: retailer_3 at 127.0.0.1" in done.stderr
    alerts = "SELECT kind, retailer_id, status FROM ops.alerts ORDER BY 1, 2"
    assert platform.query(alerts) == [("missing_data", "retailer_3", "open"), ("quality_violation", None, "open")]

    assert platform.query("SELECT count(DISTINCT retailer_key) FROM fact_sales") == [(2,)]

    vendors["retailer_3"].behave()
    assert retail(platform.environment, "run", DAY, "--only-this-date").returncode == 0
    resolved = [("missing_data", "retailer_3", "resolved"), ("quality_violation", None, "resolved")]
    assert platform.query(alerts) == resolved


def test_when_all_retailers_are_down_the_run_ends_after_the_first_stage(
    platform: Platform, vendors: dict[str, Vendor], retail: Retail
) -> None:
    vendors["retailer_2"].faults("down")
    done = retail({**platform.environment, "INGEST_MAX_ATTEMPTS": "2"}, "run", DAY, "--retailer", "retailer_2")
    assert done.returncode == 1
    assert "2/5 ingest     failed 0 of 1 retailer" in done.stdout
    assert "3/5" not in done.stdout
    assert done.stderr.count("retailer_2 is missing") == 1
    assert platform.query("SELECT kind, retailer_id, status FROM ops.alerts") == [
        ("missing_data", "retailer_2", "open")
    ]


def test_a_run_writes_what_the_warehouse_knows_of_each_source(platform: Platform, retail: Retail) -> None:
    unknown = retail(platform.environment, "run", DAY, "--retailer", "nobody")
    assert (unknown.returncode, platform.query("SELECT count(*) FROM pipeline_runs")) == (2, [(0,)])
    assert unknown.stderr.startswith("Unknown retailer: nobody. Known: retailer_1, retailer_2, retailer_3.")

    assert retail(platform.environment, "run", DAY, "--retailer", "retailer_1", "--only-this-date").returncode == 0

    assert platform.query("SELECT retailer_id, connector, is_scheduled FROM ops.sources ORDER BY 1") == [
        ("retailer_1", "retailer1", True),
        ("retailer_2", "retailer2", True),
        ("retailer_3", "retailer3", True),
    ]
    plans = platform.query("SELECT status, details -> 'sources' FROM pipeline_runs WHERE stage = 'plan'")
    assert plans == [("succeeded", ["retailer_1"])]


def test_a_date_on_which_no_source_is_due_has_nothing_to_do(platform: Platform, retail: Retail, tmp_path: Path) -> None:
    write_source(tmp_path, "manual_shop", "schedule: manual")
    own_sources = {**platform.environment, "SOURCES_DIRECTORY": str(tmp_path)}
    done = retail(own_sources, "run", DAY)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"1/5 plan       ok     no source is due on {DAY}" in done.stdout
    assert "2/5" not in done.stdout

    (tmp_path / "manual_shop.yaml").unlink()
    none_at_all = retail(own_sources, "run", DAY)
    assert none_at_all.returncode == 2
    assert f"There is no source in {tmp_path}. Add a file <id>.yaml to it" in none_at_all.stderr
