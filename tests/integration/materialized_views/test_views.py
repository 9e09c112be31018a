"""What the views say, and that they count every sale once."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import pytest

from ingestion.models.retailer_data import NOT_REVENUE
from local_stack.databases import WarehouseAccess
from materialized_views.catalog import view_definitions
from tests.fakes.published_days import Line, PublishedDays

VIEWS = tuple(view_definitions())
MONDAY = date(2024, 1, 15)


@pytest.fixture
def days(warehouse: WarehouseAccess) -> PublishedDays:
    return PublishedDays(warehouse.owner_dsn)


def refresh(days: PublishedDays) -> None:
    for view in VIEWS:
        days.execute("SELECT ops.refresh_materialized_view(%s)", (view,))


def sale(transaction: str, price: str, **changes: Any) -> Line:
    return Line(transaction, quantity=Decimal(1), price=Decimal(price), **changes)


def test_the_daily_summary_compares_with_the_same_weekday_a_week_before(days: PublishedDays) -> None:
    days.publish(MONDAY - timedelta(days=7), lines=[sale("A", "80")])
    days.publish(
        MONDAY,
        lines=[
            sale("B", "90", store="S1"),
            sale("C", "30", store="S2", customer="GUEST"),
            sale("D", "15", line_type="return"),
            sale("E", "5", line_type="adjustment", sign=-1),
        ],
    )
    refresh(days)
    rows = days.execute(
        "SELECT store_count, transaction_count, customer_visit_count, line_count, sales_amount, returns_amount,"
        " adjustment_amount, net_amount, average_transaction_amount, week_before_net_amount,"
        " change_on_week_before_percent FROM mv_daily_sales_summary WHERE business_date = %s",
        (MONDAY,),
    )
    assert rows == [(2, 2, 1, 4, 120, 15, -5, 100, 60, 80, 25)]


def test_amounts_of_two_currencies_are_never_added(days: PublishedDays) -> None:
    days.publish(MONDAY, lines=[sale("A", "80"), sale("B", "7", currency="CAD")])
    refresh(days)
    for view in VIEWS:
        rows = days.execute(f"SELECT currency, sum(net_amount) FROM {view} GROUP BY currency ORDER BY currency")
        assert rows == [("CAD", 7), ("USD", 80)], view


def test_every_view_adds_up_to_the_same_money(days: PublishedDays) -> None:
    for back in range(20):
        days.publish_all(MONDAY - timedelta(days=back))
    refresh(days)
    expected = days.execute("SELECT currency, sum(net_amount) FROM fact_sales GROUP BY currency ORDER BY currency")
    for view in VIEWS:
        rows = days.execute(f"SELECT currency, sum(net_amount) FROM {view} GROUP BY currency ORDER BY currency")
        assert rows == expected, view


def test_revenue_is_without_tax_tips_and_gift_cards_which_have_their_own_columns(days: PublishedDays) -> None:
    days.publish(
        MONDAY,
        lines=[
            sale("A", "100", line="1", discount=Decimal(10), tax=Decimal(9)),
            sale("A", "8", line="2", item_type="shipping", product="POST", tax=Decimal(1)),
            sale("A", "2", line="3", item_type="fee", product="WRAP"),
            sale("A", "5", line="4", item_type="tip", product="TIP"),
            sale("A", "50", line="5", item_type="gift_card", product="CARD"),
            sale("B", "12", line_type="return", discount=Decimal(2), tax=Decimal(1)),
        ],
    )
    refresh(days)
    charged = (
        "net_amount, discount_amount, tax_amount, shipping_amount, other_charges_amount, tip_amount, gift_card_amount"
    )
    for view in ("mv_daily_sales_summary", "mv_weekly_sales_trends", "mv_quarterly_sales_summary"):
        assert days.execute(f"SELECT sales_amount, returns_amount, {charged} FROM {view}") == [
            (100, 10, 90, 8, 9, 8, 2, 5, 50)
        ], view
    assert days.execute("SELECT sold_quantity, returned_quantity, line_count FROM mv_daily_sales_summary") == [
        (1, 1, 6)
    ]
    for view in VIEWS:
        assert days.execute(f"SELECT sum(net_amount) FROM {view}") == [(90,)], view


def test_every_view_leaves_out_the_same_item_types() -> None:
    for view, definition in view_definitions().items():
        if "fact_daily_sales" in definition.reads:
            assert f"item_type NOT IN ({', '.join(map(repr, map(str, NOT_REVENUE)))})" in definition.query, view


def test_iso_weeks_belong_to_their_iso_year(days: PublishedDays) -> None:
    days.publish(date(2023, 1, 1), lines=[sale("A", "100")])  # a Sunday: the 52nd week of 2022
    days.publish(date(2023, 1, 2), lines=[sale("B", "150")])
    refresh(days)
    rows = days.execute(
        "SELECT week_name, week_start_date, iso_year, iso_week, is_complete, change_on_week_before_percent,"
        " four_week_average_amount FROM mv_weekly_sales_trends ORDER BY week_start_date"
    )
    assert rows == [
        ("2022-W52", date(2022, 12, 26), 2022, 52, True, None, 100),
        ("2023-W01", date(2023, 1, 2), 2023, 1, False, 50, 125),
    ]


def test_a_week_without_sales_is_left_out_of_comparisons(days: PublishedDays) -> None:
    days.publish(MONDAY - timedelta(days=14), lines=[sale("A", "100")])
    days.publish(MONDAY, lines=[sale("B", "150")])
    refresh(days)
    assert days.execute(
        "SELECT week_before_net_amount, four_week_average_amount FROM mv_weekly_sales_trends"
        " WHERE week_start_date = %s",
        (MONDAY,),
    ) == [(None, 125)]


def test_a_quarter_is_compared_with_the_one_before_and_with_a_year_before(days: PublishedDays) -> None:
    for day, price in ((date(2023, 2, 1), "50"), (date(2023, 12, 31), "80"), (date(2024, 2, 1), "100")):
        days.publish(day, lines=[sale(str(day), price)])
    refresh(days)
    rows = days.execute(
        "SELECT quarter_name, quarter_end_date, is_complete, change_on_quarter_before_percent,"
        " change_on_year_before_percent FROM mv_quarterly_sales_summary ORDER BY quarter_start_date"
    )
    assert rows == [
        ("2023-Q1", date(2023, 3, 31), True, None, None),
        ("2023-Q4", date(2023, 12, 31), True, None, None),
        ("2024-Q1", date(2024, 3, 31), False, 25, 100),
    ]


def test_categories_have_a_share_and_a_place_in_their_month(days: PublishedDays) -> None:
    days.publish(date(2023, 12, 31), lines=[sale("A", "50", product="Lamp")])
    days.publish(MONDAY, lines=[sale("B", "75", product="Lamp"), sale("C", "25", product="Rug")])
    days.execute("UPDATE dim_product SET category = product_id")
    refresh(days)
    rows = days.execute(
        "SELECT month_name, category, rank_in_month, share_of_month_percent, change_on_month_before_percent"
        " FROM mv_monthly_sales_by_category ORDER BY month_start_date, rank_in_month"
    )
    assert rows == [("December", "Lamp", 1, 100, None), ("January", "Lamp", 1, 75, 50), ("January", "Rug", 2, 25, None)]


def test_a_month_without_positive_revenue_has_no_shares(days: PublishedDays) -> None:
    days.publish(MONDAY, lines=[sale("A", "75", line_type="return")])
    refresh(days)
    assert days.execute("SELECT net_amount, share_of_month_percent FROM mv_monthly_sales_by_category") == [(-75, None)]


def test_products_are_ranked_over_all_time_and_of_late(days: PublishedDays) -> None:
    days.publish(MONDAY - timedelta(days=28), lines=[sale("A", "60", product="Old")])
    days.publish(MONDAY - timedelta(days=27), lines=[sale("B", "20", product="New")])
    days.publish(MONDAY, lines=[sale("C", "20", product="New")])
    refresh(days)
    rows = days.execute(
        "SELECT product_id, revenue_rank, share_of_retailer_percent, running_share_percent, last_28_days_rank,"
        " last_28_days_net_amount FROM mv_top_products_by_revenue ORDER BY revenue_rank"
    )
    assert rows == [("Old", 1, 60, 60, 2, 0), ("New", 2, 40, 100, 1, 40)]


def test_only_the_first_thousand_products_are_kept(days: PublishedDays) -> None:
    days.publish(MONDAY, lines=[sale("A", "1", product="P1")])
    days.execute(
        "INSERT INTO dim_product (product_key, retailer_key, product_id, product_name, category, attributes_as_of)"
        " SELECT n, 1, 'N' || n, 'N', 'N', now() FROM generate_series(1001, 2199) n"
    )
    days.execute(
        "INSERT INTO fact_daily_sales SELECT date_key, retailer_key, n, store_key, currency, 1, 1, 0, 1, n, 0, 0, n"
        " FROM fact_daily_sales, generate_series(1001, 2199) n"
    )
    refresh(days)
    assert days.execute("SELECT count(*), min(net_amount) FROM mv_top_products_by_revenue") == [(1000, 1200)]


def test_products_by_day_cover_the_35_days_of_each_retailer(days: PublishedDays) -> None:
    days.publish(MONDAY - timedelta(days=35), lines=[sale("A", "1")])
    days.publish(MONDAY - timedelta(days=34), lines=[sale("B", "1")])
    days.publish(MONDAY, lines=[sale("C", "1")])
    days.publish(date(2023, 6, 1), "retailer_2", lines=[sale("D", "1")])  # a retailer whose history ends earlier
    refresh(days)
    rows = days.execute("SELECT retailer_id, business_date FROM mv_daily_sales_by_product ORDER BY 1, 2")
    assert rows == [
        ("retailer_1", MONDAY - timedelta(days=34)),
        ("retailer_1", MONDAY),
        ("retailer_2", date(2023, 6, 1)),
    ]


def test_a_correction_reaches_views_that_hold_rows_already(days: PublishedDays) -> None:
    days.publish(MONDAY, lines=[sale("A", "10"), sale("B", "5", line_type="adjustment")])
    refresh(days)
    days.execute("UPDATE fact_daily_sales SET net_amount = net_amount + 1, sales_amount = sales_amount + 1")
    refresh(days)
    for view in VIEWS:
        assert days.execute(f"SELECT sum(net_amount) FROM {view}") == [(16,)], view


def test_no_view_reads_the_fact_table(days: PublishedDays) -> None:
    reads = days.execute(
        "SELECT DISTINCT view.relname, source.relname FROM pg_depend"
        " JOIN pg_rewrite ON pg_rewrite.oid = objid JOIN pg_class AS view ON view.oid = ev_class"
        " JOIN pg_class AS source ON source.oid = refobjid"
        " WHERE view.relkind = 'm' AND refclassid = 'pg_class'::regclass AND source.oid <> view.oid"
    )
    assert {view for view, _ in reads} == set(VIEWS)
    assert "fact_sales" not in {source for _, source in reads}


def test_each_view_has_a_unique_key_without_nulls_and_a_comment_on_everything(days: PublishedDays) -> None:
    days.publish_all(MONDAY)
    refresh(days)
    for view in VIEWS:
        keys = days.execute(
            "SELECT indexrelid::regclass::text, array(SELECT attname::text FROM pg_attribute"
            " WHERE attrelid = indrelid AND attnum = ANY (indkey)) FROM pg_index"
            " WHERE indrelid = %s::regclass AND indisunique AND indpred IS NULL AND indexprs IS NULL",
            (view,),
        )
        assert len(keys) == 1, view
        nulls = " OR ".join(f"{column} IS NULL" for column in keys[0][1])
        assert days.execute(f"SELECT count(*) FROM {view} WHERE {nulls}") == [(0,)]
        undocumented = days.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND col_description(attrelid, attnum) IS NULL",
            (view,),
        )
        assert undocumented == [], view
        assert "Grain: " in days.execute("SELECT obj_description(%s::regclass)", (view,))[0][0]


@pytest.mark.parametrize("role", ["loader_dsn", "reader_dsn"])
def test_loader_and_reader_may_read_every_view(warehouse: WarehouseAccess, role: str) -> None:
    reader = PublishedDays(getattr(warehouse, role))
    for view in VIEWS:
        assert reader.execute(f"SELECT count(*) FROM {view}") == [(0,)]


def test_only_the_loader_may_refresh_and_only_these_views(warehouse: WarehouseAccess) -> None:
    call = "SELECT ops.refresh_materialized_view(%s)"
    assert PublishedDays(warehouse.loader_dsn).execute(call, ("mv_daily_sales_summary",)) == [(0,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        PublishedDays(warehouse.reader_dsn).execute(call, ("mv_daily_sales_summary",))
    for other in ("fact_sales", "mv_other", "mv_daily_sales_summary; DROP TABLE fact_sales", None):
        with pytest.raises(psycopg2.errors.UndefinedTable):
            PublishedDays(warehouse.loader_dsn).execute(call, (other,))
