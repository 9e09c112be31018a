"""Olist's several files, of the published shape, joined to lines."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.connectors.files.headers import recognise_layout
from ingestion.mapping.layouts import load_layout
from shared.errors import FixConfiguration, StopRun
from tests.fakes.csv_sources import reading, write

FILES = {
    "olist_order_items_dataset.csv": """\
"order_id","order_item_id","product_id","seller_id","shipping_limit_date","price","freight_value"
"o1",1,"p1","s1",2017-09-19 09:45:35,58.90,13.29
"o1",2,"p1","s1",2017-09-19 09:45:35,58.90,13.29
"o2",1,"p2","s2",2017-05-03 11:05:13,239.90,19.93
"o3",1,"p3","s2",2017-05-03 11:05:13,9.90,19.93
"o9",1,"p2","s2",2017-05-03 11:05:13,239.90,19.93
""",
    "olist_orders_dataset.csv": """\
"order_id","customer_id","order_status","order_purchase_timestamp","order_approved_at"
"o1","c1","delivered","2017-09-13 08:59:02",""
"o2","c2","canceled","2017-04-26 10:53:06",""
"o3","c3","shipped","2017-10-15 00:30:00",""
"o1","c2","canceled","2018-01-01 00:00:00",""
""",
    "olist_customers_dataset.csv": """\
"customer_id","customer_unique_id","customer_zip_code_prefix","customer_city","customer_state"
"c1","u1","14409","são paulo","SP"
"c2","u1","14409","franca","SP"
""",
    "olist_products_dataset.csv": """\
"product_id","product_category_name","product_name_lenght","product_weight_g"
"p1","cool_stuff","40","225"
"p2","perfumaria","40","225"
"p3","","",""
""",
    "olist_sellers_dataset.csv": """\
"seller_id","seller_zip_code_prefix","seller_city","seller_state"
"s1","13023","campinas","SP"
"s2","13023","rio de janeiro","RJ"
""",
    "product_category_name_translation.csv": (
        "\ufeffproduct_category_name,product_category_name_english\nperfumaria,perfumery\n"
    ),
    "olist_order_reviews_dataset.csv": '"review_id","order_id","review_score"\n"r1","o1","5"\n',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        write(tmp_path / name, content)
    return tmp_path


def test_the_folder_is_recognised(folder: Path) -> None:
    assert recognise_layout([str(folder)]).name == "olist"


def test_lines_are_joined_to_order_customer_product_and_seller(folder: Path) -> None:
    with reading(folder, layout=load_layout("olist")) as outcome:
        assert outcome.landed(
            "transaction_id", "line_id", "line_type", "product_category", "customer_id", "customer_city", "store_city",
            "quantity", "unit_price", "net_amount", "sold_at",
        ) == [
            ("o1", "1", "sale", "cool_stuff", "u1", "são paulo", "campinas", Decimal(1), Decimal("58.9"),
             Decimal("58.9"), "2017-09-13 11:59:02+00"),
            ("o1", "2", "sale", "cool_stuff", "u1", "são paulo", "campinas", Decimal(1), Decimal("58.9"),
             Decimal("58.9"), "2017-09-13 11:59:02+00"),
            ("o2", "1", "adjustment", "perfumery", "u1", "franca", "rio de janeiro", Decimal(0), Decimal("239.9"),
             Decimal(0), "2017-04-26 13:53:06+00"),
        ]  # fmt: skip
        assert outcome.rejected() == [
            (5, "TIME_DOES_NOT_EXIST", "orders.order_purchase_timestamp", "2017-10-15 00:30:00"),
            (6, "MISSING_REFERENCE", None, None),
        ]
        assert (outcome.read.rows, outcome.read.landed) == (5, 3)
        assert [file.name for file in outcome.read.files] == sorted(set(FILES) - {"olist_order_reviews_dataset.csv"})


def test_rejected_lines_name_their_file(folder: Path) -> None:
    header, *rest = FILES["olist_order_items_dataset.csv"].splitlines()
    write(folder / "olist_order_items_dataset.csv", "\n".join([header, *rest[:2]]))
    write(folder / "olist_order_items_more.csv", "\n".join([header, rest[2], rest[4]]))
    with reading(folder, layout=load_layout("olist")) as outcome:
        assert outcome.read.landed == 3
        assert outcome.rejected() == [(3, "MISSING_REFERENCE", None, None)]


def test_a_missing_file_is_named_with_its_columns(folder: Path) -> None:
    (folder / "olist_sellers_dataset.csv").unlink()
    with pytest.raises(FixConfiguration) as caught, reading(folder, layout=load_layout("olist")):
        pass
    assert str(caught.value).startswith(
        "The layout olist needs a file of sellers, with the columns seller_city, seller_id; there are"
    )


def test_a_broken_row_in_a_file_that_others_refer_to_is_an_error(folder: Path) -> None:
    name = "olist_orders_dataset.csv"
    write(folder / name, FILES[name] + '"o9","c1"\n')
    with pytest.raises(StopRun) as caught, reading(folder, layout=load_layout("olist")):
        pass
    assert str(caught.value) == (
        f"{folder / name}, line 6: the row has 2 fields, the header has 5. Other files refer to this one, so it has"
        " to be complete. Nothing was loaded."
    )
