"""Dates of a Shopify, a WooCommerce and a Stripe account are landed in the raw zone, and again after a change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.sources.registry import load_sources
from tests.fakes.http_vendor import Reply, http_vendor
from tests.fakes.shop_systems import SHOP_SYSTEMS
from tests.fakes.shopify.orders import order_of, refund_of
from tests.fakes.shopify.shop import TOKEN, ShopifyShop
from tests.fakes.stripe.account import KEY, StripeAccount
from tests.fakes.stripe.payments import charge_of
from tests.fakes.woocommerce import shop as woocommerce
from tests.fakes.woocommerce.orders import line_of
from tests.fakes.woocommerce.orders import order_of as woocommerce_order
from tests.fakes.woocommerce.shop import WooCommerceShop

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

SOURCES = ("berlin_shop", "payments", "woo_shop")
DAY = "2024-01-15"
NOON = "2024-01-15T17:00:00"


class Shops:
    """The three accounts and a platform that reads them."""

    def __init__(self, platform: Platform, directory: Path, opened: ExitStack) -> None:
        self.shopify = ShopifyShop([order_of(number, f"{NOON}Z") for number in (1, 2)])
        self.woocommerce = WooCommerceShop([woocommerce_order(1, NOON)])
        charge = charge_of("ch_1", int(datetime(2024, 1, 15, 17, tzinfo=UTC).timestamp()))
        self.stripe = StripeAccount([charge])
        charge["balance_transaction"] = self.stripe.change_balance(charge, "charge", charge["created"], 2_500)
        for api in SHOP_SYSTEMS:
            shutil.copy(api.definition, directory)
        environment = {
            **platform.environment,
            "BERLIN_SHOP_URL": opened.enter_context(http_vendor(self.shopify)).url,
            "BERLIN_SHOP_TOKEN": TOKEN,
            "WOO_SHOP_URL": opened.enter_context(http_vendor(self.woocommerce)).url,
            "WOO_SHOP_KEY": woocommerce.KEY,
            "WOO_SHOP_SECRET": woocommerce.SECRET,
            "PAYMENTS_URL": opened.enter_context(http_vendor(self.stripe)).url,
            "PAYMENTS_KEY": KEY,
        }
        sources = load_sources(environment, directory)
        self.platform = replace(platform, settings=platform.settings.model_copy(update={"sources": sources}))

    def net(self, source_id: str) -> dict[str, Decimal]:
        """The landed money of the date."""
        return {code: amounts.landed for code, amounts in self.platform.manifest(source_id, DAY).amounts.items()}


@pytest.fixture
def shops(make_platform: Callable[[Sequence[Vendor]], Platform], tmp_path: Path) -> Iterator[Shops]:
    with ExitStack() as opened:
        yield Shops(make_platform([]), tmp_path, opened)


def test_a_date_is_landed_and_landing_it_again_writes_the_same(shops: Shops) -> None:
    assert shops.platform.ingest(DAY, *SOURCES).ok
    first = {each: shops.platform.raw(each, DAY) for each in SOURCES}
    assert {each: len(raw.splitlines()) for each, raw in first.items()} == {
        "berlin_shop": 2,
        "payments": 1,
        "woo_shop": 1,
    }
    report = shops.platform.manifest("payments", DAY).control_report
    assert report is not None
    assert (report.lines, report.net) == (None, {"USD": Decimal(25)})
    assert shops.platform.manifest("woo_shop", DAY).control_report is None

    assert shops.platform.ingest(DAY, *SOURCES).ok
    assert {each: shops.platform.raw(each, DAY) for each in SOURCES} == first


def test_an_order_that_changed_and_a_refund_are_landed_with_the_next_reading(shops: Shops) -> None:
    assert shops.platform.ingest(DAY, *SOURCES).ok
    order = shops.woocommerce.orders[0]
    order |= {"line_items": [line_of(1, 2, "50.00")], "total": "50.00", "date_modified_gmt": "2024-01-16T12:00:00"}
    shops.shopify.orders[0] |= {
        "financial_status": "partially_refunded",
        "updated_at": "2024-01-15T18:00:00Z",
        "refunds": [refund_of(9, "2024-01-15T18:00:00Z", "5.00")],
    }
    del shops.shopify.orders[1]
    assert shops.platform.ingest(DAY, *SOURCES).ok
    assert {each["net_amount"] for each in shops.platform.records("woo_shop", DAY)} == {"50.0000"}
    landed = [(each["transaction_id"], each["net_amount"]) for each in shops.platform.records("berlin_shop", DAY)]
    assert landed == [("1", "25.0000"), ("R9", "-5.0000")]


def test_a_date_whose_balance_differs_from_its_charges_is_not_landed(shops: Shops) -> None:
    charge = charge_of("ch_2", shops.stripe.charges[0]["created"])
    charge["balance_transaction"] = shops.stripe.change_balance(charge, "charge", charge["created"], 2_500)
    shops.stripe.payment_intents.append(charge)  # the balance knows it, the list of charges does not
    result = shops.platform.ingest(DAY, *SOURCES)
    assert not result.ok
    assert "the listing adds up to 25.00 USD, the retailer's report to 50.00 USD" in str(result.as_dict())
    assert len(shops.platform.records("woo_shop", DAY)) == 1
    assert len(shops.platform.records("berlin_shop", DAY)) == 2


def test_a_shop_that_is_down_does_not_stop_the_others_and_keeps_its_date(shops: Shops) -> None:
    assert shops.platform.ingest(DAY, *SOURCES).ok
    before = shops.platform.raw("berlin_shop", DAY)
    shops.shopify.before_page = lambda: Reply(503)
    assert not shops.platform.ingest(DAY, *SOURCES).ok
    assert shops.platform.raw("berlin_shop", DAY) == before
    shops.shopify.before_page = lambda: None
    assert shops.platform.ingest(DAY, *SOURCES).ok
