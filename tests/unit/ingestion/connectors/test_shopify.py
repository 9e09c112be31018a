"""Orders and refunds of a Shopify shop become the same records to the cent, from both of its APIs over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.protocol import ListingChanged
from shared.errors import FixConfiguration, RetryLater, StopRun
from tests.fakes.http_vendor import Reply
from tests.fakes.listed_days import ListedDay, Shop, running_shop
from tests.fakes.shopify import shop as shopify
from tests.fakes.shopify.orders import (
    adjustment_of,
    bag,
    item_of,
    order_of,
    refund_of,
    returned,
    shipping_of,
)
from tests.fakes.shopify.shop import TOKEN, ShopifyShop

DEFINITION = Path(shopify.__file__).parent / "sources" / "berlin_shop.yaml"
DAY, NOON, LATER = "2024-01-15", "2024-01-15T12:00:00+01:00", "2024-01-20T12:00:00+01:00"
AMOUNTS = ("line_type", "item_type", "quantity", "unit_price", "discount_amount", "net_amount", "net_tax_amount")
both_apis = pytest.mark.parametrize("api", ["graphql", "rest"])


@contextmanager
def read_from(shop: ShopifyShop, api: str, token: str = TOKEN) -> Iterator[Shop]:
    changes = {"admin_api: graphql": f"admin_api: {api}"}
    with running_shop(DEFINITION, shop, "BERLIN_SHOP_URL", {"BERLIN_SHOP_TOKEN": token}, changes) as running:
        yield running


def listed(api: str, *orders: dict[str, Any], day: str = DAY) -> ListedDay:
    with read_from(ShopifyShop(list(orders)), api) as running:
        return running.list_day(day)


def total(day: ListedDay, transaction_id: str) -> Decimal:
    """Net amounts and tax of a transaction."""
    return sum(
        (Decimal(each["net_amount"]) + Decimal(each["net_tax_amount"] or 0) for each in day.of(transaction_id)),
        Decimal(0),
    )


def old_item(id_: int, sku: str) -> dict[str, Any]:
    """A line as Shopify sent it before discounts and tax were allocated to lines."""
    return {"id": id_, "sku": sku, "name": sku, "price": "199.00", "quantity": 1, "gift_card": False}


def old_order(**changes: Any) -> dict[str, Any]:
    """Order 450789469 of Shopify's own examples, without what nobody reads."""
    items = [old_item(466157049, "GREEN"), old_item(518995019, "RED"), old_item(703073504, "BLACK")]
    return {
        "id": 450789469,
        "created_at": "2008-01-10T11:00:00-05:00",
        "processed_at": "2008-01-10T11:00:00-05:00",
        "updated_at": "2008-01-10T11:00:00-05:00",
        "currency": "USD",
        "financial_status": "partially_refunded",
        "taxes_included": False,
        "test": False,
        "cancelled_at": None,
        "total_price": "598.94",
        "total_discounts": "10.00",
        "total_tax": "11.94",
        "line_items": items,
        "shipping_lines": [{"code": "Free Shipping", "price": "0.00", "title": "Free Shipping"}],
        **changes,
    }


def old_refund() -> dict[str, Any]:
    """Refund 509562969 of the same examples."""

    def line(id_: int, item: dict[str, Any]) -> dict[str, Any]:
        taxed = {**item, "total_discount": "0.00", "tax_lines": [{"title": "State Tax", "price": "3.98", "rate": 0.06}]}
        return {"id": id_, "quantity": 1, "line_item_id": item["id"], "line_item": taxed}

    return {
        "id": 509562969,
        "created_at": "2016-06-20T13:35:06-04:00",
        "refund_line_items": [
            line(104689539, old_item(703073504, "BLACK")),
            line(709875399, old_item(466157049, "GREEN")),
        ],
        "transactions": [{"kind": "refund", "status": "success", "amount": "209.00"}],
        "order_adjustments": [],
    }


def test_order_450789469_of_the_documentation_has_its_discount_and_tax_spread_over_its_lines() -> None:
    day = listed("rest", old_order(), day="2008-01-10")
    assert day.rejected == []
    assert day.amounts("450789469", *AMOUNTS) == [
        ("sale", "product", "1.000", "199.0000", "3.3400", "195.6600", "3.9800"),
        ("sale", "product", "1.000", "199.0000", "3.3300", "195.6700", "3.9800"),
        ("sale", "product", "1.000", "199.0000", "3.3300", "195.6700", "3.9800"),
        ("sale", "shipping", "1.000", "0.0000", "0.0000", "0.0000", "0.0000"),
    ]
    assert total(day, "450789469") == Decimal("598.94")


def test_the_same_order_with_a_total_that_its_lines_do_not_add_up_to_is_rejected() -> None:
    day = listed("rest", old_order(total_price="409.94", total_discounts="0.00"), day="2008-01-10")
    assert day.records == []
    assert {each["reason_code"] for each in day.rejected} == {"TRANSACTION_TOTAL_MISMATCH"}


def test_refund_509562969_of_the_documentation_is_two_returns_and_an_adjustment() -> None:
    order = old_order(updated_at="2016-06-20T13:35:06-04:00", refunds=[old_refund()])
    day = listed("rest", order, day="2016-06-20")
    assert day.rejected == []
    assert day.amounts("R509562969", *AMOUNTS) == [
        ("return", "product", "1.000", "199.0000", "0.0000", "-199.0000", "-3.9800"),
        ("return", "product", "1.000", "199.0000", "0.0000", "-199.0000", "-3.9800"),
        ("adjustment", "other", "1.000", "196.9600", "0.0000", "196.9600", None),
    ]
    assert total(day, "R509562969") == Decimal("-209.00")
    assert {each["original_transaction_id"] for each in day.records} == {"450789469"}


@both_apis
def test_discounts_shipping_tips_fees_and_gift_cards_are_lines_of_their_own_kind(api: str) -> None:
    items = [
        item_of(1, 3, "10.00", discounts=["2.50", "0.50"], taxes=["5.13"]),
        item_of(2, 1, "50.00", sku=None, gift_card=True),
    ]
    order = order_of(
        7,
        NOON,
        total_price="93.58",
        total_tip_received="3.00",
        line_items=items,
        shipping_lines=[shipping_of(3, "5.00", discounts=["1.00"], taxes=["0.76"])],
        original_total_duties_set=bag("3.69"),
    )
    order["total_price_set"] = bag("92.58")
    day = listed(api, order)
    assert day.rejected == []
    assert day.amounts("7", *AMOUNTS) == [
        ("sale", "product", "3.000", "10.0000", "3.0000", "27.0000", "5.1300"),
        ("sale", "gift_card", "1.000", "50.0000", "0.0000", "50.0000", "0.0000"),
        ("sale", "shipping", "1.000", "5.0000", "1.0000", "4.0000", "0.7600"),
        ("sale", "fee", "1.000", "3.6900", "0.0000", "3.6900", None),
        ("sale", "tip", "1.000", "2.0000", "0.0000", "2.0000", None),
    ]


@both_apis
def test_prices_that_contain_the_tax_are_landed_without_it(api: str) -> None:
    items = [item_of(1, 2, "11.90", discounts=["3.80"], taxes=["3.19"])]
    refund = refund_of(9, LATER, "10.00", returned(91, items[0], 1, "10.00", "1.60"))
    order = order_of(7, NOON, total_price="20.00", taxes_included=True, line_items=items, refunds=[refund])
    order |= {"financial_status": "partially_refunded", "updated_at": LATER}
    sale, back = listed(api, order), listed(api, order, day="2024-01-20")
    assert (sale.rejected, back.rejected) == ([], [])
    assert sale.amounts("7", *AMOUNTS) == [("sale", "product", "2.000", "11.9000", "3.8000", "16.8100", "3.1900")]
    assert back.amounts("R9", *AMOUNTS) == [("return", "product", "1.000", "10.0000", "0.0000", "-8.4000", "-1.6000")]
    assert {each["tax_included"] for each in (*sale.records, *back.records)} == {True}


@both_apis
def test_a_refund_is_dated_by_its_own_time_and_what_was_paid_back_decides(api: str) -> None:
    item = item_of(1, 2, "25.00")
    refunds = [
        refund_of(20, LATER, "25.00", returned(21, item, 1, "25.00")),
        refund_of(30, LATER, "20.00", returned(31, item, 1, "25.00")),
        refund_of(
            40,
            LATER,
            "4.00",
            order_adjustments=[adjustment_of(41, "1.00", "0.00", "refund_discrepancy")],
            refund_shipping_lines=[
                {"id": 42, "subtotal_amount_set": bag("4.50"), "tax_amount_set": bag("0.50"), "subtotal_amount": "4.50"}
            ],
        ),
    ]
    order = order_of(7, NOON, total_price="50.00", line_items=[item], refunds=refunds)
    order |= {"financial_status": "refunded", "updated_at": LATER}
    assert [each["transaction_id"] for each in listed(api, order).records] == ["7"]
    day = listed(api, order, day="2024-01-20")
    assert day.rejected == []
    assert [each[0::5] for each in day.amounts("R20", *AMOUNTS)] == [("return", "-25.0000")]
    assert [each[0::5] for each in day.amounts("R30", *AMOUNTS)] == [("return", "-25.0000"), ("adjustment", "5.0000")]
    assert total(day, "R40") == Decimal("-4.00")


@both_apis
def test_lines_that_were_removed_without_paying_back_are_not_part_of_the_order(api: str) -> None:
    kept, gone, part = item_of(1, 1, "25.00"), item_of(2, 1, "9.00"), item_of(3, 3, "5.00", taxes=["1.50"])
    edit = refund_of(20, LATER, None, returned(21, gone, 1, "9.00"), returned(22, part, 2, "10.00", "1.00"))
    for reported in ("50.50", "30.50"):
        order = order_of(7, NOON, total_price=reported, line_items=[kept, gone, part], refunds=[edit])
        day = listed(api, order | {"updated_at": LATER})
        assert day.rejected == []
        assert total(day, "7") == Decimal("30.50")
        assert [each[2] for each in day.amounts("7", *AMOUNTS)] == ["1.000", "1.000"]


@both_apis
@pytest.mark.parametrize(
    "changes",
    [{"test": True}, {"cancelled_at": LATER}, {"financial_status": "pending"}, {"financial_status": "authorized"}],
)
def test_what_did_not_happen_is_void_also_its_refunds(api: str, changes: dict[str, Any]) -> None:
    refund = refund_of(20, NOON, "5.00")
    order = order_of(7, NOON, financial_status="partially_refunded", refunds=[refund])
    day = listed(api, order | changes)
    assert day.rejected == []
    assert {each["line_type"] for each in day.records} == {"adjustment"}
    assert total(day, "7") == 0


@both_apis
def test_amounts_are_those_that_the_customer_was_charged(api: str) -> None:
    item = item_of(1, 1, "25.00")
    item["price_set"] = {
        "shop_money": {"amount": "25.00", "currency_code": "USD"},
        "presentment_money": {"amount": "3712", "currency_code": "JPY"},
    }
    order = order_of(7, NOON, line_items=[item], presentment_currency="JPY")
    order["total_price_set"] = item["price_set"]
    day = listed(api, order)
    assert day.rejected == []
    assert day.amounts("7", "net_amount", "currency") == [("3712.0000", "JPY")]


@both_apis
def test_orders_are_dated_by_the_shops_time_zone(api: str) -> None:
    orders = [
        order_of(1, "2024-01-14T23:00:00Z"),
        order_of(2, "2024-01-15T22:59:59Z"),
        order_of(3, "2024-01-15T23:00:00Z"),
    ]
    assert sorted(each["transaction_id"] for each in listed(api, *orders).records) == ["1", "2"]


@both_apis
def test_all_pages_of_orders_are_read(api: str) -> None:
    orders = [order_of(number, NOON) for number in range(1, 12)]
    with read_from(ShopifyShop(orders, largest_page=2), api) as running:
        assert len(running.list_day(DAY).records) == 11


def test_orders_and_refunds_with_many_lines_are_read_completely() -> None:
    items = [item_of(number, 1, "1.00") for number in range(1, 131)]
    refund = refund_of(200, LATER, "70.00", *(returned(1_000 + each["id"], each, 1, "1.00") for each in items[:70]))
    order = order_of(7, NOON, total_price="130.00", line_items=items, refunds=[refund])
    order |= {"financial_status": "partially_refunded", "updated_at": LATER}
    assert total(listed("graphql", order), "7") == 130
    assert total(listed("graphql", order, day="2024-01-20"), "R200") == -70


@both_apis
def test_both_apis_give_the_same_records(api: str) -> None:
    item = item_of(1, 2, "11.90", discounts=["3.80"], taxes=["3.19"])
    refund = refund_of(9, NOON, "10.00", returned(91, item, 1, "10.00", "1.60"))
    order = order_of(7, NOON, total_price="23.19", line_items=[item], refunds=[refund], location_id=5)
    order |= {
        "financial_status": "partially_refunded",
        "customer": {"id": 3, "first_name": "Ana", "last_name": "Reed"},
        "billing_address": {"city": "Berlin", "country_code": "DE"},
    }
    day = listed(api, order)
    assert day.rejected == []
    wanted = ("transaction_id", "line_id", "product_id", "customer_id", "customer_name", "customer_city", "store_id")
    assert [tuple(each[name] for name in wanted) for each in day.records] == [
        ("7", "1", "TEA", "3", "Ana Reed", "Berlin", "5"),
        ("R9", "91", "TEA", "3", "Ana Reed", "Berlin", "5"),
        ("R9", "adjustment", "adjustment", "3", "Ana Reed", "Berlin", "5"),
    ]


@both_apis
def test_changes_name_the_dates_of_orders_and_of_their_refunds(api: str) -> None:
    old, changed = order_of(1, NOON), order_of(2, NOON, refunds=[refund_of(9, LATER, "5.00")])
    changed["updated_at"] = "2024-01-20T12:00:01+01:00"
    with read_from(ShopifyShop([old, changed]), api) as running:
        changes = running.connector.list_changes(datetime(2024, 1, 20, 11, 0, 1, 900_000, tzinfo=UTC))
    assert changes is not None
    at = datetime(2024, 1, 20, 11, 0, 1, tzinfo=UTC)
    assert changes.dates == {date(2024, 1, 15): at, date(2024, 1, 20): at}


@both_apis
def test_an_order_that_is_deleted_while_the_listing_is_read_has_it_read_again(api: str) -> None:
    shop = ShopifyShop([order_of(number, NOON) for number in range(1, 6)], largest_page=2)

    pages: list[int] = []

    def delete() -> None:
        pages.append(1)
        if len(pages) == 2:
            shop.orders[:] = shop.orders[:4]

    shop.before_page = delete
    with read_from(shop, api) as running, pytest.raises(ListingChanged, match="has 5 orders, of which 4 came"):
        running.list_day(DAY)


def test_queries_wait_until_the_shop_has_points_for_them() -> None:
    shop = ShopifyShop([order_of(number, NOON) for number in range(1, 40)], points=1_000)
    with read_from(shop, "graphql") as running:
        running.slept_with(shop.wait)
        shop.points, shop.restored = 20, 50
        assert len(running.list_day(DAY).records) == 39
        assert sum(running.slept) > 1
        shop.restored = 0.001
        shop.points = 0
        with pytest.raises(RetryLater, match="limits its queries"):
            running.list_day(DAY)


def test_pages_grow_to_what_a_query_may_cost() -> None:
    shop = ShopifyShop([order_of(number, NOON, financial_status="refunded") for number in range(1, 200)])
    with read_from(shop, "graphql") as running:
        running.slept_with(shop.wait)
        running.connector.list_changes(datetime(2024, 1, 1, tzinfo=UTC))
        assert len(running.vendor.requests) < 199 / 3


def test_an_app_without_a_scope_is_an_error_that_says_so() -> None:
    with (
        read_from(ShopifyShop(denied=["customer"]), "graphql") as running,
        pytest.raises(FixConfiguration, match="Access denied for customer field"),
    ):
        running.connector.check(date(2024, 1, 15))


@both_apis
def test_a_wrong_token_names_the_setting(api: str) -> None:
    with (
        read_from(ShopifyShop(), api, "wrong") as running,
        pytest.raises(FixConfiguration, match=r"\(401\).*BERLIN_SHOP_TOKEN"),
    ):
        running.connector.check(date(2024, 1, 15))


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        ({"total_price_set": bag("much")}, "NOT_A_NUMBER"),
        ({"line_items": [{"id": 1}]}, "MALFORMED"),
        ({"line_items": None}, "MALFORMED"),
        ({"updated_at": None}, "MISSING_FIELD"),
        ({"presentment_currency": "Euro"}, "UNKNOWN_CURRENCY"),
    ],
)
def test_garbage_in_an_order_rejects_that_order_only(garbage: dict[str, Any], code: str) -> None:
    replies = ShopifyShop([order_of(1, NOON)])

    def with_garbage() -> Reply | None:
        import json

        return Reply(body=json.dumps({"orders": [order_of(1, NOON), order_of(2, NOON) | garbage]}).encode())

    replies.before_page = with_garbage
    with read_from(replies, "rest") as running:
        pages = list(running.connector.fetch_sales_data(date(2024, 1, 15)))
        running.connector.fetch_sales_data = lambda day: iter(pages[:1])  # type: ignore[method-assign]
        day = running.list_day(DAY)
    assert [each["transaction_id"] for each in day.records] == ["1"]
    [rejected] = day.rejected
    assert rejected["reason_code"] == code


def test_a_query_that_shopify_rejects_stops_the_run() -> None:
    error = b'{"errors": [{"message": "Field \'x\' doesn\'t exist", "extensions": {"code": "undefinedField"}}]}'
    with (
        read_from(ShopifyShop(before_page=lambda: Reply(body=error)), "graphql") as running,
        pytest.raises(StopRun, match="rejected a query: Field 'x' doesn't exist"),
    ):
        running.list_day(DAY)


def test_all_shipping_lines_and_refunds_of_an_order_are_read() -> None:
    lines = [shipping_of(each, "1.00") for each in range(1, 121)]
    shipped = order_of(7, NOON, total_price="145.00", shipping_lines=lines)
    refunds = [refund_of(100 + 2 * each, LATER, "0.50") for each in range(21)]
    refunded = order_of(8, NOON, financial_status="partially_refunded", refunds=refunds)
    by_rest, by_graphql = listed("rest", shipped, refunded), listed("graphql", shipped, refunded)
    assert total(by_rest, "7") == total(by_graphql, "7") == 145
    assert by_rest.records == by_graphql.records
    assert by_graphql.rejected == []


def test_more_refunds_than_a_query_reads_reject_the_order_and_are_not_left_out() -> None:
    refunds = [refund_of(100 + 2 * each, LATER, "0.01") for each in range(250)]
    day = listed("graphql", order_of(8, NOON, financial_status="partially_refunded", refunds=refunds))
    assert day.records == []
    assert [each["reason"] for each in day.rejected] == ["it has 250 refunds or more"]
