"""Lineage of landed partitions: from which API or files they came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ingestion.connectors.registry import listing_path
from ingestion.results import IngestResult
from monitoring.lineage.datasets import DataSet, endpoint, file_at, named, source_database
from monitoring.lineage.flows import Flow, LandedPart, landing
from shared.config import Settings
from shared.partitions import Manifest
from shared.sources.databases import DATABASES


def flows_of(result: IngestResult, settings: Settings) -> list[Flow]:
    """From the retailers' APIs to the raw zone: what was landed, also by a retailer that failed later."""
    flows = []
    for each in result.results:
        if each.dates:
            parts = [LandedPart(it.business_date, it.landed, it.rejected, it.size_bytes) for it in each.dates]
            flows += landing(_api(each.retailer_id, settings), settings.s3.bucket_raw, each.retailer_id, parts)
    return flows


def flows_of_files(
    paths: Mapping[str, str], retailer_id: str, manifests: Mapping[date, Manifest], bucket: str
) -> list[Flow]:
    """From files, by name and path, to the raw zone: each file to the dates it contains."""
    parts: dict[str, list[LandedPart]] = {}
    for day, it in manifests.items():
        for source in it.sources:
            part = LandedPart(day, it.landed, it.rejected, it.size_bytes)
            parts.setdefault(paths.get(source.name, source.name), []).append(part)
    return [
        flow
        for path, brought in parts.items()
        for flow in landing(file_at(path), bucket, retailer_id, sorted(brought, key=lambda part: part.day))
    ]


def _api(retailer_id: str, settings: Settings) -> DataSet:
    definition, connection = settings.sources.get(retailer_id), settings.sources.connect(retailer_id)
    if connection.program is not None:
        program = Path(connection.program.command[0]).name
        return named(f"{definition.connector}://{program}", definition.read.stream or program)
    url = connection.url
    if definition.connector in DATABASES:
        return source_database(url, definition.read.table or definition.read.collection)
    return endpoint(url, listing_path(definition))
