"""What the manifests of a file load say of its source."""

from __future__ import annotations

from shared.partitions import SourceDescription
from shared.sources.registry import Sources


def describe_source(sources: Sources, retailer_id: str, time_zone: str) -> SourceDescription:
    """As its definition says, or, without one, what the layout says: the id and the time zone of its dates.

    Raises FixConfiguration when the definition has an error.
    """
    if retailer_id in sources.ids:
        return sources.describe(retailer_id)
    return SourceDescription(name=retailer_id, connector="files", time_zone=time_zone)
