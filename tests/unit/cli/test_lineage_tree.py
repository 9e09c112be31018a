"""Flows as trees."""

from __future__ import annotations

from typing import Any

from cli.lineage_tree import find, tree

BUCKET, WAREHOUSE = "s3://raw", "postgres://db:5432"


def flow(source: str, target: str, retailer: str | None = None) -> dict[str, Any]:
    def namespace(name: str) -> str:
        return BUCKET if name.startswith("raw") else WAREHOUSE if name.startswith("w.") else "https://shop"

    return {
        "source_namespace": namespace(source),
        "source_name": source,
        "target_namespace": namespace(target),
        "target_name": target,
        "retailer_id": retailer,
    }


FLOWS = [
    flow("/sales", "raw/shop"),
    flow("raw/shop", "w.public.fact_sales"),
    flow("w.public.fact_sales", "w.public.fact_daily_sales", "a"),
    flow("w.public.fact_sales", "w.public.fact_daily_sales", "b"),
    flow("w.public.fact_daily_sales", "w.public.mv_days"),
]


def test_upstream_ends_at_the_source_and_downstream_at_the_views() -> None:
    up = tree(FLOWS, (WAREHOUSE, "w.public.fact_daily_sales"), upstream=True)
    down = tree(FLOWS, (BUCKET, "raw/shop"), upstream=False)

    assert up.children[0].children[0].children[0].name == "/sales"
    assert down.children[0].children[0].children[0].name == "w.public.mv_days"


def test_retailers_share_a_branch() -> None:
    (sales,) = tree(FLOWS, (WAREHOUSE, "w.public.fact_daily_sales"), upstream=True).children

    assert [each["retailer_id"] for each in sales.flows] == ["a", "b"]


def test_a_data_set_that_feeds_itself_ends_the_branch() -> None:
    circle = [flow("w.a", "w.b"), flow("w.b", "w.a")]

    assert tree(circle, (WAREHOUSE, "w.a"), upstream=False).children[0].children == []


def test_data_sets_are_found_by_the_names_users_type() -> None:
    assert find(FLOWS, "fact_sales") == [(WAREHOUSE, "w.public.fact_sales")]
    assert find(FLOWS, "public.fact_sales") == [(WAREHOUSE, "w.public.fact_sales")]
    assert find(FLOWS, "https://shop/sales") == [("https://shop", "/sales")]
    assert find(FLOWS, "s3://raw/raw/shop") == [(BUCKET, "raw/shop")]
    assert find(FLOWS, "raw/shop/year=2024/month=01/day=17/sales_data.json") == [(BUCKET, "raw/shop")]
    assert find(FLOWS, "sales_of_nobody") == []
