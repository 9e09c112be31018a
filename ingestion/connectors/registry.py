"""Which class reads a source, and how it is built."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from ingestion.connectors.protocol import Connector, ConnectorClass, Runtime
from ingestion.mapping.layouts import SourceMapping
from shared.config import IngestSettings, SourceSettings
from shared.errors import FixConfiguration, RetailError
from shared.sources.definition import SourceDefinition

CONNECTORS = {
    "retailer1": "ingestion.services.retailer1_service:Retailer1Service",
    "retailer2": "ingestion.services.retailer2_service:Retailer2Service",
    "retailer3": "ingestion.services.retailer3_service:Retailer3Service",
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
        raise _unusable(definition, f"cannot be built: {type(error).__name__}: {error}") from error
    if not isinstance(mapping, SourceMapping):
        raise _unusable(definition, f"has a `mapping` of type {type(mapping).__name__} instead of SourceMapping")
    return connector


def connector_class(definition: SourceDefinition) -> ConnectorClass:
    """The class of a definition's connector. Raises FixConfiguration when it cannot be imported."""
    module, _, name = CONNECTORS.get(definition.connector, definition.connector).partition(":")
    try:
        found = cast("ConnectorClass", getattr(import_module(module), name))
    except Exception as error:  # the module is the user's own, and anything can be wrong with it
        raise _unusable(definition, f"cannot be imported: {type(error).__name__}: {error}") from error
    methods = [each for each, value in vars(Connector).items() if callable(value) and not each.startswith("_")]
    if missing := [each for each in methods if not callable(getattr(found, each, None))]:
        raise _unusable(definition, f"has no method {', '.join(missing)} (see `Connector` in {Connector.__module__})")
    return found


def _unusable(definition: SourceDefinition, reason: str) -> FixConfiguration:
    return FixConfiguration(
        f"{definition.id}: the connector {definition.connector} {reason}."
        f' Correct it (CONTRIBUTING.md, "Add a connector"), or `connector` in sources/{definition.id}.yaml.'
    )


def ingest_settings(definition: SourceDefinition, usual: IngestSettings) -> IngestSettings:
    """The settings of ingestion for one source: what its definition says takes precedence."""
    limits, look_back = definition.limits, definition.read.look_back
    own = {
        "max_reject_share": limits.reject_share,
        "requests_per_second": limits.requests_per_second,
        "catch_up_days": limits.catch_up_days,
        "lookback_days": look_back,
    }
    return usual.model_copy(update={name: value for name, value in own.items() if value is not None})
