"""What stages read and wrote, by name, from their counts."""

from __future__ import annotations

from datetime import date, timedelta

from monitoring.lineage.datasets import DataSet, endpoint, file_at, local_file, named, s3_object, source_database, table
from monitoring.lineage.flows import ONE_BY_ONE, LandedPart, LoadedPart, checking, landing, loading, refreshing

DSN = "postgresql://retail_user:secret@db.example.com:5499/retail_analytics?sslmode=require"
DAY = date(2024, 1, 15)
API = endpoint("https://shop.example.com/", "/v1/sales")


def test_data_sets_are_named_as_openlineage_names_them() -> None:
    assert (API.namespace, API.name) == ("https://shop.example.com", "/v1/sales")
    assert endpoint("http://127.0.0.1:5001/a-key", "/x").name == "/x"
    assert endpoint("http://user:s3cret@[::1]:5001/a-key", "") == DataSet("http://[::1]:5001", "/")
    sales = table(DSN, "fact_sales")
    assert (sales.namespace, sales.name) == ("postgres://db.example.com:5499", "retail_analytics.public.fact_sales")
    assert table("postgresql://u@h/db", "load_ledger") == DataSet("postgres://h:5432", "db.ops.load_ledger")
    assert s3_object("bucket", "raw/x").namespace == "s3://bucket"
    assert local_file("/data/a.csv") == file_at("/data/a.csv") == DataSet("file", "/data/a.csv")
    assert file_at("s3://bucket/in/a.csv") == DataSet("s3://bucket", "in/a.csv")
    assert file_at("sftp://host:22/in/a.csv") == DataSet("sftp://host:22", "/in/a.csv")


def test_a_data_set_is_found_again_by_its_names() -> None:
    flows = [
        *landing(API, "raw", "retailer_1", [LandedPart(DAY, 9, 1)]),
        *landing(local_file("/data/a.csv"), "raw", "retailer_1", [LandedPart(DAY, 9, 0)]),
        *loading(DSN, ("raw", "processed"), "retailer_1", [LoadedPart(DAY, 1, 1)]),
        *checking(DSN, [DAY], 3),
        *refreshing(DSN, DAY, {"mv_daily_sales_summary": 1}),
    ]
    for each in (data_set for flow in flows for data_set in (flow.source, flow.target)):
        assert named(each.namespace, each.name) == each


def test_no_password_gets_into_a_name() -> None:
    flows = loading(DSN, ("raw", "processed"), "retailer_1", [LoadedPart(DAY, 1, 1)])
    assert not [flow for flow in flows if "secret" in f"{flow.source}{flow.target}"]


def test_a_landing_goes_to_the_raw_zone_and_what_was_rejected_to_its_own() -> None:
    raw, rejected = landing(API, "bucket", "retailer_1", [LandedPart(DAY, 9, 1, 900)])

    assert (raw.target.name, raw.rows, raw.size_bytes) == (
        "raw/retailer_1/year=2024/month=01/day=15/sales_data.json",
        9,
        900,
    )
    assert (rejected.target.name.split("/")[0], rejected.rows) == ("rejected", 1)


def test_a_landing_without_rejected_records_writes_no_object_of_them() -> None:
    assert len(landing(API, "bucket", "retailer_1", [LandedPart(DAY, 9, 0)])) == 1


def test_a_load_goes_from_the_raw_object_to_parquet_facts_and_summaries() -> None:
    flows = loading(DSN, ("raw", "processed"), "retailer_1", [LoadedPart(DAY, 7, 8)])
    found = {(flow.source.name.split(".")[-1].split("/")[0], flow.target.name.split(".")[-1]): flow for flow in flows}

    assert found["json", "parquet"].rows == 8
    assert found["json", "fact_sales"].rows == 7
    assert {target for source, target in found if source == "fact_sales"} == {
        "fact_daily_sales",
        "fact_daily_transactions",
    }
    assert found["json", "dim_customer"].rows is None


def test_a_date_with_nothing_new_wrote_nothing() -> None:
    flows = loading(DSN, ("raw", "processed"), "retailer_1", [LoadedPart(DAY, 0, 0)])

    assert {flow.rows for flow in flows} == {0}


def test_many_dates_share_a_flow() -> None:
    days = [DAY + timedelta(days=number) for number in range(ONE_BY_ONE + 1)]
    (flow,) = landing(API, "bucket", "shop", [LandedPart(day, 2, 0, 10) for day in days])

    assert (flow.target.name, flow.first_date, flow.last_date) == ("raw/shop", days[0], days[-1])
    assert (flow.rows, flow.size_bytes) == (2 * len(days), 10 * len(days))


def test_columns_of_a_target_name_the_source_s_columns_they_are_made_from() -> None:
    flows = loading(DSN, ("raw", "processed"), "retailer_1", [LoadedPart(DAY, 1, 1)])
    sales = next(flow for flow in flows if flow.target.kind == "fact_sales")

    assert sales.columns["customer_key"] == ["customer_id", "sold_at"]
    assert "load_id" not in sales.columns


def test_checks_and_views_read_what_they_are_declared_to_read() -> None:
    assert {flow.target.kind for flow in checking(DSN, [DAY], 60)} == {"data_quality_results", "data_quality_scores"}
    views = refreshing(DSN, DAY, {"mv_weekly_sales_trends": 12})
    assert {flow.source.kind for flow in views} == {"mv_daily_sales_summary", "dim_date"}
    assert {flow.rows for flow in views} == {12}


def test_a_database_is_named_without_its_user_and_with_the_table_that_is_read() -> None:
    named = source_database("postgresql://reader:s3cret@db.example:5433/pos", "till.lines")
    assert named == DataSet("postgres://db.example:5433", "pos.till.lines")
    assert source_database("mysql://db.example/pos", None) == DataSet("mysql://db.example", "pos")
    several = "mongodb://reader:s3,cret@a.example:27017,b.example:27017/shop?authSource=admin"
    assert source_database(several, "orders") == DataSet("mongodb://a.example:27017", "shop.orders")
    assert source_database("sqlite:///var/pos.db", "lines") == DataSet("file", "/var/pos.db")
