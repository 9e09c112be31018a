"""The APIs of the shop systems that the platform ships connectors for, in miniature."""

from __future__ import annotations

from tests.fakes.connector_api import ConnectorApi
from tests.fakes.shopify.api import ShopifyApi, ShopifyRestApi
from tests.fakes.stripe.api import StripeApi
from tests.fakes.woocommerce.api import WooCommerceApi

SHOP_SYSTEMS: tuple[type[ConnectorApi], ...] = (WooCommerceApi, StripeApi, ShopifyApi, ShopifyRestApi)
