"""Which class reads a source, how it is built, and where in it an error happened."""

from __future__ import annotations

import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from ingestion.connectors.protocol import Connector, ConnectorClass, Runtime
from ingestion.mapping.layouts import SourceMapping
from shared.config import PROJECT_ROOT, IngestSettings, SourceSettings
from shared.errors import FixConfiguration, RetailError, describe_error
from shared.sources.databases import MONGODB, SQL_DATABASES
from shared.sources.definition import SourceDefinition
from shared.sources.programs import DLT, SINGER

CONNECTORS = {
    "retailer1": "ingestion.services.retailer1_service:Retailer1Service",
    "retailer2": "ingestion.services.retailer2_service:Retailer2Service",
    "retailer3": "ingestion.services.retailer3_service:Retailer3Service",
    "rest": "ingestion.connectors.rest.connector:RestConnector",
    "shopify": "ingestion.connectors.shopify.connector:Shopify",
    "stripe": "ingestion.connectors.stripe.connector:Stripe",
    "woocommerce": "ingestion.connectors.woocommerce.connector:WooCommerce",
    **dict.fromkeys(SQL_DATABASES, "ingestion.connectors.sql.connector:DatabaseConnector"),
    MONGODB: "ingestion.connectors.mongodb.connector:MongoDbConnector",
    SINGER: "ingestion.connectors.programs.tap:TapConnector",
    DLT: "ingestion.connectors.programs.dlt_resource:DltConnector",
}
"""The connectors that come with the platform, each with its class as `module:Class`."""


def build(source_id: str, settings: SourceSettings, runtime: Runtime) -> Connector[Any]:
    """The connector of one source.

    Raises FixConfiguration when the source is unknown, its definition has an error, a setting is missing, or the class
    is not a connector of this version.
    """
    definition = settings.sources.get(source_id)
    connection = settings.sources.connect(source_id)
    kind, ingest = connector_class(definition), ingest_settings(definition, settings.ingest)
    try:
        connector = kind(definition, connection, ingest, runtime)
        mapping: object = connector.mapping
    except RetailError:
        raise
    except Exception as error:  # the class is the user's own, and anything can be wrong with it
        raise _unusable(definition, f"cannot be built: {_shown(definition, error)}") from error
    if not isinstance(mapping, SourceMapping):
        raise _unusable(definition, f"has a `mapping` of type {type(mapping).__name__} instead of SourceMapping")
    return connector


def connector_class(definition: SourceDefinition) -> ConnectorClass:
    """The class of a definition's connector. Raises FixConfiguration when it cannot be imported."""
    module, _, name = CONNECTORS.get(definition.connector, definition.connector).partition(":")
    try:
        found = cast("ConnectorClass", getattr(import_module(module), name))
    except Exception as error:  # the module is the user's own, and anything can be wrong with it
        raise _unusable(definition, f"cannot be imported: {_shown(definition, error)}") from error
    methods = [each for each, value in vars(Connector).items() if callable(value) and not each.startswith("_")]
    if missing := [each for each in methods if not callable(getattr(found, each, None))]:
        raise _unusable(definition, f"has no method {', '.join(missing)} (see `Connector` in {Connector.__module__})")
    return found


def place_of(definition: SourceDefinition, error: Exception) -> str | None:
    """`path:line` of the last line of the connector's module that an error came through; None if it has none."""
    module = "/" + CONNECTORS.get(definition.connector, definition.connector).partition(":")[0].replace(".", "/")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.removesuffix(".py").removesuffix("/__init__").endswith(module):
            path = Path(frame.filename)
            return f"{path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path}:{frame.lineno}"
    return None


def describe_failure(definition: SourceDefinition, error: Exception) -> str:
    """An unexpected error of a connector, in one line."""
    return f"{definition.id}: its connector {definition.connector} failed: {_shown(definition, error)}"


def _shown(definition: SourceDefinition, error: Exception) -> str:
    place = place_of(definition, error)
    return describe_error(error) + (f" ({place})" if place else "")


def _unusable(definition: SourceDefinition, reason: str) -> FixConfiguration:
    return FixConfiguration(
        f"{definition.id}: the connector {definition.connector} {reason}."
        f' Correct it (CONTRIBUTING.md, "Add a connector"), or `connector` in sources/{definition.id}.yaml.'
    )


def listing_path(definition: SourceDefinition) -> str:
    """The path at which the API of a source lists its sales; empty if its connector has none."""
    return definition.api.path if definition.api else getattr(connector_class(definition), "listing_path", "")


def ingest_settings(definition: SourceDefinition, usual: IngestSettings) -> IngestSettings:
    """The settings of ingestion for one source: what its definition says takes precedence."""
    limits, look_back = definition.limits, definition.read.look_back
    own = {
        "max_reject_share": limits.reject_share,
        "max_reject_amount_share": limits.reject_amount_share,
        "requests_per_second": limits.requests_per_second,
        "timeout_seconds": limits.timeout_seconds,
        "listing_minutes": limits.listing_minutes,
        "max_response_mb": limits.max_response_mb,
        "catch_up_days": limits.catch_up_days,
        "lookback_days": look_back,
    }
    return usual.model_copy(update={name: value for name, value in own.items() if value is not None})
