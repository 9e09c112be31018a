"""The data that describes one retailer's market: stores, products, words and seasonality."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Store:
    """A store; `city` and `region` are None for an online store."""

    code: str
    name: str
    city: str | None
    region: str | None
    weight: float


@dataclass(frozen=True)
class Department:
    """A category of products: their names, costs (minor units), and the months in which they sell well."""

    name: str
    nouns: tuple[str, ...]
    cheapest: int
    dearest: int
    strong_months: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Market:
    """Everything the generator needs to know about one retailer.

    `cities` are (city, region). `weekdays` holds seven factors from Monday, `months` twelve, each about 1 on average.
    `posting_delay` is the longest time, in seconds, between a sale and its entry in the database.
    """

    retailer_id: str
    zone: ZoneInfo
    currency: str
    country: str
    stores: tuple[Store, ...]
    cities: tuple[tuple[str, str], ...]
    departments: tuple[Department, ...]
    product_pattern: str
    adjectives: tuple[str, ...]
    product_code: str
    customer_code: str
    receipt_code: str
    segments: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    weekdays: tuple[float, ...]
    months: tuple[float, ...]
    guest_share: float
    posting_delay: int = 0
    products_per_department: int = 40
