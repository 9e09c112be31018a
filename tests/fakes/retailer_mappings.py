"""The mappings of the three retailers' APIs, with their usual ids and time zones."""

from __future__ import annotations

from pathlib import Path

from ingestion import services
from ingestion.mapping.layouts import SourceMapping, shipped_mapping

ZONES = {1: "America/New_York", 2: "Europe/London", 3: "Europe/Madrid"}


def retailer_mapping(number: int) -> SourceMapping:
    """The mapping of retailer 1, 2 or 3."""
    path = Path(services.__path__[0]) / f"retailer{number}_mapping.yaml"
    return shipped_mapping(path, f"retailer_{number}", ZONES[number])
