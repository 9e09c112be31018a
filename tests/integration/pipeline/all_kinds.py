"""One small source of each kind, each with a definition of its own, for a run that reads all of them.

Each can be broken for a while in the way that is usual for its kind: it is down, rejects the credentials, or is gone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from ingestion.connectors import registry
from ingestion.connectors.protocol import Runtime
from shared.config import load_settings
from tests.fakes.databases.till import SqliteTill, Till
from tests.fakes.http_vendor import Reply, Request, http_vendor
from tests.fakes.programs.till import ProgramTill
from tests.fakes.rest_apis import RestShopApi
from tests.fakes.shopify import shop as shopify
from tests.fakes.shopify.api import ShopifyApi
from tests.fakes.shopify.orders import order_of, refund_of
from tests.fakes.stripe import account as stripe
from tests.fakes.stripe.api import StripeApi
from tests.fakes.stripe.payments import charge_of
from tests.fakes.vendors import Vendor
from tests.fakes.woocommerce import shop as woocommerce
from tests.fakes.woocommerce.api import WooCommerceApi
from tests.fakes.woocommerce.orders import order_of as woocommerce_order
from tests.integration.drops.conftest import MAPPING, DropPlace, sales_of
from tests.shipped_sources import DIRECTORY

DAY = date(2024, 1, 15)
_AFTERNOON = datetime(2024, 1, 15, 17, tzinfo=UTC)
Broken = Callable[[], AbstractContextManager[Mapping[str, str]]]
"""Breaks a source during the block, which gets the variables that are wrong meanwhile."""


@dataclass(frozen=True)
class Source:
    """One source of the run."""

    id: str
    revenue: Mapping[str, Decimal]
    """What its shop earned on `DAY`, by currency."""
    broken: Broken
    says: str
    """What the run says of it then: a regular expression."""


@dataclass
class AllKinds:
    """The definitions and variables of all sources."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)

    def revenue(self) -> dict[tuple[str, str], Decimal]:
        """What the warehouse should have, by source and currency."""
        return {(each.id, code): net for each in self.sources.values() for code, net in each.revenue.items()}

    def add(self, source: Source, definition: Path | Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Write a definition, or copy one, and keep its variables."""
        if isinstance(definition, Path):
            for path in (definition, *definition.parent.glob("*.sql")):  # the query of a till is in a file of its own
                shutil.copy(path, self.directory)
        else:
            text = yaml.safe_dump(dict(definition), sort_keys=False)
            (self.directory / f"{source.id}.yaml").write_text(text, encoding="utf-8")
        self.environment |= environment
        self.sources[source.id] = source

    def add_retailer(self, vendor: Vendor) -> None:
        """A simulated retailer. Its revenue is the one that it reports."""

        @contextmanager
        def down() -> Iterator[Mapping[str, str]]:
            vendor.faults("down")
            yield {}
            vendor.behave()

        settings = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
        sources = {"SOURCES_DIRECTORY": str(DIRECTORY)}
        connector = registry.build(
            vendor.retailer_id, load_settings({**settings, **sources, **vendor.environment}), Runtime()
        )
        report = connector.daily_report(DAY)
        connector.close()
        assert report is not None
        source = Source(vendor.retailer_id, report.net, down, r"127\.0\.0\.1.* 503")
        self.add(source, DIRECTORY / f"{vendor.retailer_id}.yaml", vendor.environment)

    def add_api(
        self, opened: ExitStack, api: type[Any], replies: Callable[[Request], Reply], currency: str, net: str,
        credentials: Mapping[str, str],
    ) -> None:  # fmt: skip
        """A shop behind an API, which has its own idea of a failure: the last of the credentials is rejected."""
        vendor = opened.enter_context(http_vendor(replies))
        *_, secret = credentials

        @contextmanager
        def wrong_credentials() -> Iterator[Mapping[str, str]]:
            yield {secret: "wrong"}

        source = Source(api.definition.stem, {currency: Decimal(net)}, wrong_credentials, rf"{secret}")
        self.add(source, api.definition, {api.url_variable: vendor.url, **credentials})

    def add_till(self, opened: ExitStack, till: Till) -> None:
        """A till's database with three lines of 25.00 EUR. A server rejects the password; a file is gone."""
        environment, _ = opened.enter_context(till.served())

        @contextmanager
        def wrong_password() -> Iterator[Mapping[str, str]]:
            *_, secret = till.credentials
            yield {secret: "wrong"}

        @contextmanager
        def no_file() -> Iterator[Mapping[str, str]]:
            assert isinstance(till, SqliteTill)
            hidden = till.path.with_suffix(".hidden")
            till.path.rename(hidden)
            yield {}
            hidden.rename(till.path)

        says = r"no database responds at .*pos & till\.db" if isinstance(till, SqliteTill) else "rejected our cred"
        broken = no_file if isinstance(till, SqliteTill) else wrong_password
        source = Source(till.definition.stem, {till.currency: Decimal(75)}, broken, says)
        self.add(source, till.definition, environment)

    def add_program(self, opened: ExitStack, till: ProgramTill) -> None:
        """A till that is read through another program, which fails when its file is gone."""
        environment, _ = opened.enter_context(till.served())

        @contextmanager
        def no_file() -> Iterator[Mapping[str, str]]:
            hidden = till.file.with_suffix(".hidden")
            till.file.rename(hidden)
            yield {}
            hidden.rename(till.file)

        source = Source(till.definition.stem, {till.currency: Decimal(75)}, no_file, r"exited with 1.*rows\.json")
        self.add(source, till.definition, environment)

    def add_drop(self, source_id: str, place: DropPlace, price: str, broken: Broken, says: str, schedule: str) -> None:
        """A place with a file of ten lines of two pieces each."""
        place.put("15.csv", sales_of(DAY.day, price=price))
        definition = {
            "id": source_id, "name": source_id, "connector": "files", "schedule": schedule,
            "time_zone": "Europe/London", "currencies": ["GBP"], "connection": place.connection, "mapping": MAPPING,
        }  # fmt: skip
        self.add(Source(source_id, {"GBP": 20 * Decimal(price)}, broken, says), definition, place.environment)


def add_shops(kinds: AllKinds, opened: ExitStack) -> None:
    """An API by definition, and the three shop systems, with a refund in one of them."""
    kinds.add_api(opened, RestShopApi, _with_token(RestShopApi()), "CHF", "75", {"REST_SHOP_TOKEN": "token"})

    orders = [order_of(number, f"{_AFTERNOON:%Y-%m-%dT%H:%M:%SZ}") for number in (1, 2)]
    orders[0]["financial_status"] = "partially_refunded"
    orders[0]["refunds"] = [refund_of(9, "2024-01-15T18:00:00Z", "5.00")]
    kinds.add_api(opened, ShopifyApi, shopify.ShopifyShop(orders), "USD", "45", {"BERLIN_SHOP_TOKEN": shopify.TOKEN})

    order = woocommerce_order(1, f"{_AFTERNOON:%Y-%m-%dT%H:%M:%S}")
    keys = {"WOO_SHOP_KEY": woocommerce.KEY, "WOO_SHOP_SECRET": woocommerce.SECRET}
    kinds.add_api(opened, WooCommerceApi, woocommerce.WooCommerceShop([order]), "USD", "25", keys)

    charge = charge_of("ch_1", int(_AFTERNOON.timestamp()))
    account = stripe.StripeAccount([charge])
    charge["balance_transaction"] = account.post(charge, "charge", charge["created"], 2_500)
    kinds.add_api(opened, StripeApi, account, "USD", "25", {"PAYMENTS_KEY": stripe.KEY})


def _with_token(api: RestShopApi) -> Callable[[Request], Reply]:
    def reply(request: Request) -> Reply:
        return api(request) if request.headers.get("Authorization") == "Bearer token" else Reply(401)

    return reply
