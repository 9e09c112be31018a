"""The registered retailers, and how to build the connector of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ingestion.connectors.protocol import Connector, Runtime
from ingestion.services import retailer1_service, retailer2_service, retailer3_service
from ingestion.services.retailer1_service import Retailer1Service
from ingestion.services.retailer2_service import Retailer2Service
from ingestion.services.retailer3_service import Retailer3Service
from shared.config import Settings
from shared.errors import FixConfiguration

_Builder = Callable[[Settings, Runtime], Connector[Any]]


def _retailer_1(settings: Settings, runtime: Runtime) -> Connector[Any]:
    if settings.retailer_1 is None:
        raise _unset("retailer_1", "RETAILER1_API_URL and RETAILER1_API_KEY")
    return Retailer1Service(settings.retailer_1, settings.ingest, runtime)


def _retailer_2(settings: Settings, runtime: Runtime) -> Connector[Any]:
    if settings.retailer_2 is None:
        raise _unset("retailer_2", "RETAILER2_API_URL, RETAILER2_CLIENT_ID and RETAILER2_CLIENT_SECRET")
    return Retailer2Service(settings.retailer_2, settings.ingest, runtime)


def _retailer_3(settings: Settings, runtime: Runtime) -> Connector[Any]:
    if settings.retailer_3 is None:
        raise _unset("retailer_3", "RETAILER3_API_URL, RETAILER3_CLIENT_ID and RETAILER3_HMAC_SECRET")
    return Retailer3Service(settings.retailer_3, settings.ingest, runtime)


BUILDERS: Mapping[str, _Builder] = {
    "retailer_1": _retailer_1,
    "retailer_2": _retailer_2,
    "retailer_3": _retailer_3,
}

LISTING_PATHS: Mapping[str, str] = {
    "retailer_1": retailer1_service.LISTING_PATH,
    "retailer_2": retailer2_service.LISTING_PATH,
    "retailer_3": retailer3_service.LISTING_PATH,
}
"""The path at which each API lists its sales; lineage names the source by it."""


def build(retailer_id: str, settings: Settings, runtime: Runtime) -> Connector[Any]:
    """The connector of one retailer. Raises FixConfiguration when it is unknown or not configured."""
    if retailer_id not in BUILDERS:
        raise FixConfiguration(f"Unknown retailer {retailer_id!r}. Known are: {', '.join(BUILDERS)}.")
    return BUILDERS[retailer_id](settings, runtime)


def _unset(retailer_id: str, names: str) -> FixConfiguration:
    return FixConfiguration(f"{retailer_id} is not configured. Set {names} in .env or the environment.")
