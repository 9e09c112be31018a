"""`retail lineage` after a real run, and after files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Retail
    from tests.integration.ingestion.conftest import Platform

DAY = "2024-01-17"
RAW = "raw/retailer_1/year=2024/month=01/day=17/sales_data.json"


def leaves(node: dict[str, Any]) -> set[str]:
    return {leaf for each in node["next"] for leaf in leaves(each)} if node["next"] else {node["name"]}


def test_a_view_leads_up_to_the_retailers_and_an_object_down_to_the_views(
    platform: Platform, retail: Retail, printed: Callable[..., Any]
) -> None:
    environment = platform.environment
    empty = retail(environment, "lineage")
    assert (empty.returncode, empty.stderr) == (1, "No lineage is recorded. To see the latest date: retail lineage\n")
    assert retail(environment, "run", DAY, "--only-this-date").returncode == 0

    upstream = printed(environment, "lineage", "mv_weekly_sales_trends", "--upstream")
    assert upstream["business_date"] == DAY
    assert {"/v1/sales", "/orders", "/api/ventas"} <= leaves(upstream["upstream"][0])

    (down,) = printed(environment, "lineage", RAW, "--downstream")["downstream"]
    assert any(name.endswith("mv_top_products_by_revenue") for name in leaves(down))
    loaded = next(node for node in down["next"] if node["name"].endswith(".fact_sales"))
    assert (
        loaded["flows"][0]["rows_written"]
        == platform.query("SELECT inserted FROM load_ledger WHERE retailer_id = 'retailer_1'")[0][0]
    )

    shown = retail(environment, "lineage", "fact_sales", "--date", DAY, "--columns", "--retailer", "retailer_1").stdout
    assert "customer_key ← customer_id, sold_at" in shown
    assert RAW in shown and "retailer_2" not in shown
    overview = retail(environment, "lineage").stdout
    assert retail(environment, "lineage", DAY).stdout == overview
    assert f"Lineage of {DAY}" in overview and "mv_daily_sales_by_product" in overview


def test_a_missing_lineage_or_a_wrong_date_is_a_clear_error(platform: Platform, retail: Retail) -> None:
    platform.ingest(DAY, "retailer_1")
    done = retail(platform.environment, "lineage", "no_such_table")
    assert (done.returncode, done.stderr) == (
        1,
        "No lineage of no_such_table is recorded. To see the latest date: retail lineage\n",
    )
    assert retail(platform.environment, "lineage", "fact_sales", "--date", "17.1.2024").returncode == 2
    written = retail(platform.environment, "lineage", "17.1.2024")
    assert (written.returncode, "Give it as YYYY-MM-DD" in written.stderr) == (2, True)
    unknown = retail(platform.environment, "lineage", "2024-01-16")
    assert "No lineage is recorded for 2024-01-16." in unknown.stderr
