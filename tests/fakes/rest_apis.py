"""APIs that the connector `rest` reads: those of the three retailers, and one for each way that they do not have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.fakes.retailer_responses import Retailer1Api, Retailer2Api, Retailer3Api

DIRECTORY = Path(__file__).parent / "rest_sources"


@dataclass
class RestRetailer1Api(Retailer1Api):
    """A key in a header, and pages by offset."""

    definition = DIRECTORY / "rest_retailer_1.yaml"


@dataclass
class RestRetailer2Api(Retailer2Api):
    """OAuth2, and pages by cursor, of orders with their lines."""

    definition = DIRECTORY / "rest_retailer_2.yaml"


@dataclass
class RestRetailer3Api(Retailer3Api):
    """Signed requests, and links in a header."""

    definition = DIRECTORY / "rest_retailer_3.yaml"
