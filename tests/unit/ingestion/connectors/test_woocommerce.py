"""Orders and refunds of a WooCommerce shop become records to the cent, from its REST API over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.protocol import ListingChanged
from shared.errors import FixConfiguration, StopRun
from tests.fakes.listed_days import ListedDay, Shop, running_shop
from tests.fakes.woocommerce import shop as woocommerce
from tests.fakes.woocommerce.orders import charge_of, line_of, order_of, refund_of
from tests.fakes.woocommerce.shop import KEY, SECRET, WooCommerceShop

DEFINITION = Path(woocommerce.__file__).parent / "sources" / "woo_shop.yaml"
DAY, NOON = "2017-03-22", "2017-03-22T19:28:02"
AMOUNTS = ("line_type", "item_type", "quantity", "unit_price", "discount_amount", "net_amount", "net_tax_amount")


@contextmanager
def read_from(shop: WooCommerceShop, secret: str = SECRET) -> Iterator[Shop]:
    credentials = {"WOO_SHOP_KEY": KEY, "WOO_SHOP_SECRET": secret}
    with running_shop(DEFINITION, shop, "WOO_SHOP_URL", credentials) as running:
        yield running


def listed(shop: WooCommerceShop, day: str = DAY) -> ListedDay:
    with read_from(shop) as running:
        return running.list_day(day)


def total(day: ListedDay, transaction_id: str) -> Decimal:
    """Net amounts and tax of a transaction."""
    return sum(
        (Decimal(each["net_amount"]) + Decimal(each["net_tax_amount"] or 0) for each in day.of(transaction_id)),
        Decimal(0),
    )


def order_728(**changes: Any) -> dict[str, Any]:
    lines = [line_of(319, 1, "15.00", None, "1.125"), line_of(320, 1, "3.00", None, "0.225")]
    lines.append(line_of(321, 1, "12.00", None, "0.9"))
    shipping = [charge_of(322, "30.00", method_id="flat_rate", method_title="Flat Rate")]
    return order_of(728, NOON, total="62.25", line_items=lines, shipping_lines=shipping, **changes)


def test_order_727_of_the_documentation_adds_up_to_its_total() -> None:
    lines = [
        line_of(315, 2, "6.00", None, "0.45", sku="", product_id=93, name="Woo Single #1"),
        line_of(316, 1, "12.00", None, "0.9", sku="Bar3", name="Ship Your Idea &ndash; Color: Black"),
    ]
    shipping = [charge_of(317, "10.00", method_id="flat_rate", method_title="Flat Rate")]
    day = listed(
        WooCommerceShop([order_of(727, NOON, total="29.35", line_items=lines, shipping_lines=shipping)]),
    )
    assert day.rejected == []
    assert day.amounts("727", *AMOUNTS) == [
        ("sale", "product", "2.000", "3.0000", "0.0000", "6.0000", "0.4500"),
        ("sale", "product", "1.000", "12.0000", "0.0000", "12.0000", "0.9000"),
        ("sale", "shipping", "1.000", "10.0000", "0.0000", "10.0000", "0.0000"),
    ]
    assert total(day, "727") == Decimal("29.35")
    assert [each[0] for each in day.amounts("727", "product_id")] == ["93", "Bar3", "shipping:flat_rate"]
    assert day.of("727")[1]["product_name"] == "Ship Your Idea – Color: Black"


def test_order_728_of_the_documentation_is_void_while_it_is_not_paid_and_adds_up_once_it_is() -> None:
    void = listed(WooCommerceShop([order_728(status="pending", date_paid_gmt=None)]))
    assert void.rejected == []
    assert {each["line_type"] for each in void.records} == {"adjustment"}
    assert total(void, "728") == 0

    paid = listed(WooCommerceShop([order_728()]))
    assert paid.rejected == []
    assert total(paid, "728") == Decimal("62.25")
    assert sum(Decimal(each["net_tax_amount"]) for each in paid.records) == Decimal("2.25")


def test_refunds_724_and_726_of_the_documentation_are_a_return_and_an_adjustment() -> None:
    line = line_of(314, -1, "-9.00", sku="", product_id=87)
    shop = WooCommerceShop(
        [order_of(723, "2017-03-21T19:16:00", total="25.00")],
        [
            refund_of(726, 723, "2017-03-22T20:07:11", "10.00"),
            refund_of(724, 723, "2017-03-22T19:55:37", "9.00", line_items=[line]),
        ],
    )
    day = listed(shop)
    assert day.rejected == []
    assert day.amounts("724", *AMOUNTS) == [("return", "product", "1.000", "9.0000", "0.0000", "-9.0000", "0.0000")]
    assert day.amounts("726", *AMOUNTS) == [("adjustment", "other", "1.000", "10.0000", "0.0000", "-10.0000", None)]
    assert {each["original_transaction_id"] for each in day.records} == {"723"}


def test_an_order_whose_lines_do_not_add_up_is_rejected_as_a_unit() -> None:
    lines = [line_of(1, 1, "10.00"), line_of(2, 1, "15.00")]
    day = listed(WooCommerceShop([order_of(1, NOON, total="26.00", line_items=lines), order_of(2, NOON)]))
    assert [each["transaction_id"] for each in day.records] == ["2"]
    assert [each["reason_code"] for each in day.rejected] == ["TRANSACTION_TOTAL_MISMATCH"] * 2
    assert day.rejected[0]["payload"]["sent"]["id"] == 1


def test_coupons_fees_and_prices_with_tax_keep_every_cent() -> None:
    lines = [line_of(1, 3, "25.1849", "22.6664", "4.306616")]
    fees = [charge_of(2, "4.2017", "0.798323", name="Gift wrap"), charge_of(3, "-1.6807", "-0.319333", name="Loyalty")]
    order = order_of(1, NOON, total="29.97", prices_include_tax=True, line_items=lines, fee_lines=fees)
    day = listed(WooCommerceShop([order]))
    assert day.rejected == []
    assert day.amounts("1", *AMOUNTS) == [
        ("sale", "product", "3.000", "8.3950", "2.5185", "22.6664", "4.3066"),
        ("sale", "fee", "1.000", "4.2017", "0.0000", "4.2017", "0.7983"),
        ("adjustment", "discount", "1.000", "1.6807", "0.0000", "-1.6807", "-0.3193"),
    ]
    assert abs(total(day, "1") - Decimal("29.97")) <= Decimal("0.005")


def test_a_refund_of_a_part_of_the_price_returns_no_unit_and_shipping_goes_back_with_its_tax() -> None:
    refund = refund_of(
        9,
        1,
        NOON,
        "8.50",
        line_items=[line_of(91, 0, "-2.50")],
        shipping_lines=[charge_of(92, "-5.0000", "-1.0000", method_id="flat_rate", method_title="Flat Rate")],
    )
    day = listed(WooCommerceShop([order_of(1, "2017-03-01T12:00:00")], [refund]))
    assert day.rejected == []
    assert day.amounts("9", *AMOUNTS) == [
        ("return", "discount", "1.000", "2.5000", "0.0000", "-2.5000", "0.0000"),
        ("return", "shipping", "1.000", "5.0000", "0.0000", "-5.0000", "-1.0000"),
    ]


def test_the_tax_alone_can_be_refunded_and_more_than_the_lines_cost_is_an_adjustment() -> None:
    refunds = [
        refund_of(8, 1, NOON, "4.00", line_items=[line_of(81, 0, "0.00", None, "-4.00")]),
        refund_of(9, 1, NOON, "30.00", line_items=[line_of(91, -1, "-25.00")]),
    ]
    day = listed(WooCommerceShop([order_of(1, "2017-03-01T12:00:00")], refunds))
    assert day.rejected == []
    assert [each[-2:] for each in day.amounts("8", *AMOUNTS)] == [("0.0000", "-4.0000")]
    assert [(each[0], each[5]) for each in day.amounts("9", *AMOUNTS)] == [
        ("return", "-25.0000"),
        ("adjustment", "-5.0000"),
    ]


@pytest.mark.parametrize(
    ("status", "paid", "is_sold"),
    [
        ("processing", False, True),
        ("completed", False, True),
        ("refunded", True, True),
        ("on-hold", False, False),
        ("cancelled", True, False),
        ("failed", False, False),
        ("picking", True, True),
        ("picking", False, False),
    ],
)
def test_the_status_decides_whether_an_order_and_its_refunds_count(status: str, paid: bool, is_sold: bool) -> None:
    order = order_of(1, NOON, status=status, date_paid_gmt=NOON if paid else None)
    day = listed(WooCommerceShop([order], [refund_of(2, 1, NOON, "5.00")]))
    assert day.rejected == []
    assert [total(day, "1"), total(day, "2")] == [Decimal(25 * is_sold), Decimal(-5 * is_sold)]


def test_orders_are_dated_by_the_shops_time_zone_and_refunds_by_their_own_time() -> None:
    shop = WooCommerceShop(
        [order_of(1, "2017-03-22T03:59:59"), order_of(2, "2017-03-22T04:00:00"), order_of(3, "2017-03-23T04:00:00")],
        [refund_of(4, 1, "2017-03-23T03:59:59", "5.00")],
    )
    assert [each["transaction_id"] for each in listed(shop, "2017-03-21").records] == ["1"]
    assert [each["transaction_id"] for each in listed(shop, "2017-03-22").records] == ["2", "4"]
    assert [each["transaction_id"] for each in listed(shop, "2017-03-23").records] == ["3"]


def test_an_order_in_the_trash_is_withdrawn_with_its_refunds_and_its_dates_are_listed_as_changed() -> None:
    order = order_of(1, NOON, refunds=[{"id": 2, "total": "-5.00"}])
    shop = WooCommerceShop([order], [refund_of(2, 1, "2017-03-24T12:00:00", "5.00")])
    with read_from(shop) as running:
        assert len(running.list_day(DAY).records) == 1
        order |= {"status": "trash", "date_modified_gmt": "2017-03-30T12:00:00"}
        assert running.list_day(DAY).records == []
        assert running.list_day("2017-03-24").records == []
        changes = running.connector.list_changes(datetime(2017, 3, 30, tzinfo=UTC))
    assert changes is not None
    changed_at = datetime(2017, 3, 30, 12, tzinfo=UTC)
    assert changes.dates == {date(2017, 3, 22): changed_at, date(2017, 3, 24): changed_at}


def test_changes_are_read_to_the_second_before_and_older_ones_are_not() -> None:
    shop = WooCommerceShop([order_of(1, NOON), order_of(2, "2017-03-20T12:00:00")])
    with read_from(shop) as running:
        changes = running.connector.list_changes(datetime(2017, 3, 22, 19, 28, 2, 500_000, tzinfo=UTC))
    assert changes is not None
    assert list(changes.dates) == [date(2017, 3, 22)]


def test_all_pages_are_read_and_an_order_that_is_deleted_meanwhile_has_the_listing_read_again() -> None:
    shop = WooCommerceShop([order_of(number, NOON) for number in range(1, 8)], largest_page=3)
    assert len(listed(shop).records) == 7

    def delete(path: str, number: int) -> None:
        if number == 2:
            del shop.orders[0]

    shop.before_page = delete
    with read_from(shop) as running, pytest.raises(ListingChanged, match="had 7 objects, then 6"):
        running.list_day(DAY)


def test_an_order_that_is_still_being_entered_is_left_out() -> None:
    shop = WooCommerceShop([order_of(1, NOON, status="pending", total="0.00", line_items=[]), order_of(2, NOON)])
    day = listed(shop)
    assert ([each["transaction_id"] for each in day.records], day.rejected) == (["2"], [])


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        ({"total": "a lot"}, "NOT_A_NUMBER"),
        ({"total": None}, "NOT_A_NUMBER"),
        ({"line_items": "none"}, "MALFORMED"),
        ({"line_items": [{"id": 1}]}, "MALFORMED"),
        ({"line_items": [line_of(1, "NaN", "25.00")]}, "NOT_A_NUMBER"),
        ({"line_items": [line_of(1, 1, "1e99")]}, "NOT_A_NUMBER"),
        ({"currency": "Dollar"}, "UNKNOWN_CURRENCY"),
        ({"date_modified_gmt": "yesterday", "date_created_gmt": NOON}, "INVALID_DATE"),
        ({"billing": "x", "customer_id": 7}, "MALFORMED"),
    ],
)
def test_garbage_in_an_order_rejects_that_order_only(garbage: dict[str, Any], code: str) -> None:
    day = listed(WooCommerceShop([order_of(1, NOON), order_of(2, NOON, **garbage)]))
    assert [each["transaction_id"] for each in day.records] == ["1"]
    [rejected] = day.rejected
    assert rejected["reason_code"] == code
    assert rejected["payload"]["sent"]["id"] == 2


def test_garbage_in_a_refund_rejects_that_refund_only() -> None:
    shop = WooCommerceShop([order_of(1, NOON)], [refund_of(2, "x", NOON, "5.00"), refund_of(3, 1, NOON, "5.00")])
    day = listed(shop)
    assert [each["transaction_id"] for each in day.records] == ["1", "3"]
    assert [each["reason_code"] for each in day.rejected] == ["MALFORMED"]


def test_a_wrong_key_names_the_settings_and_a_parameter_that_woocommerce_rejects_stops_the_run() -> None:
    with (
        read_from(WooCommerceShop(), "wrong") as running,
        pytest.raises(FixConfiguration, match=r"\(401\).*WOO_SHOP_KEY and WOO_SHOP_SECRET"),
    ):
        running.connector.check(date(2017, 3, 22))


def test_a_proxy_that_removes_the_number_of_orders_stops_the_run() -> None:
    shop = WooCommerceShop([order_of(1, NOON)])
    with (
        running_shop(
            DEFINITION,
            lambda request: woocommerce.without_totals(shop(request)),
            "WOO_SHOP_URL",
            {"WOO_SHOP_KEY": KEY, "WOO_SHOP_SECRET": SECRET},
        ) as running,
        pytest.raises(StopRun, match="X-WP-Total"),
    ):
        running.list_day(DAY)
