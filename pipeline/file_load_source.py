"""The source that a file load is for: what its columns mean, what its limits are, and what its manifests say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from shared.config import SourceSettings
from shared.errors import FixConfiguration
from shared.partitions import SourceDescription
from shared.sources.connection import FILES
from shared.sources.definition import check_id
from shared.sources.registry import Sources

if TYPE_CHECKING:
    from ingestion.mapping.layouts import SourceMapping


def choose_layout(files: Sequence[str], layout: str | None, retailer_id: str | None, sources: Sources) -> SourceMapping:
    """The layout with that name or path; else the mapping of the retailer's definition; else the one that fits.

    Raises FixConfiguration when there is none, or when it has an error.
    """
    from ingestion.connectors.files.headers import recognise_layout
    from ingestion.mapping.layouts import load_layout, mapping_of

    if retailer_id is not None:
        check_id(retailer_id)
    if layout:
        return load_layout(layout)
    if retailer_id in sources.broken:
        raise FixConfiguration(sources.broken[retailer_id or ""])
    definition = sources.find(retailer_id or "")
    if definition is not None and definition.connector == FILES:
        return mapping_of(definition)
    try:
        return recognise_layout(files)
    except FixConfiguration as error:
        if retailer_id is None:
            raise
        raise FixConfiguration(
            f"{error} {retailer_id} has no definition with a `mapping` (docs/SOURCES.md)."
        ) from error


def check_dates(sources: Sources, retailer_id: str, days: Sequence[date]) -> None:
    """Raises FixConfiguration when the source is disabled, or when dates are before its start date."""
    sources.check_enabled([retailer_id])
    definition = sources.find(retailer_id)
    if definition and (early := [day for day in days if not definition.covers(day)]):
        raise FixConfiguration(
            f"Nothing was loaded: the file has sales of {early[0]}, but `start_date` of {retailer_id} is"
            f" {definition.start_date}."
        )


def max_reject_share(requested: float | None, settings: SourceSettings, retailer_id: str) -> float:
    """The share of rejected rows above which nothing is loaded: as requested, as defined, or the setting."""
    if requested is not None:
        if not 0 <= requested <= 1:  # neither is NaN, which no comparison would ever exceed
            raise FixConfiguration(f"--max-reject-share is {requested}. Give a share between 0 and 1, such as 0.05.")
        return requested
    definition = settings.sources.find(retailer_id)
    own = definition.limits.reject_share if definition else None
    return settings.ingest.max_reject_share if own is None else own


def max_reject_amount_share(requested: float | None, settings: SourceSettings, retailer_id: str, rows: float) -> float:
    """The share of rejected money above which nothing is loaded: requested, defined, or set; else as of rows."""
    if requested is not None:
        if not 0 <= requested <= 1:
            raise FixConfiguration(
                f"--max-reject-amount-share is {requested}. Give a share between 0 and 1, such as 0.05."
            )
        return requested
    definition = settings.sources.find(retailer_id)
    own = definition.limits.reject_amount_share if definition else None
    usual = settings.ingest.max_reject_amount_share
    return own if own is not None else rows if usual is None else usual


def describe_source(sources: Sources, retailer_id: str, time_zone: str) -> SourceDescription:
    """As its definition says, or, without one, what the layout says: the id and the time zone of its dates.

    Raises FixConfiguration when the definition has an error.
    """
    if retailer_id in sources.ids:
        return sources.describe(retailer_id)
    return SourceDescription(name=retailer_id, connector=FILES, time_zone=time_zone)
