"""What to do about a difference, by the store where it arises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.reconciliation.checks import Stores
from pipeline.reconciliation.model import Difference, Hop

_REPAIR = "retail rebuild --from {day} --to {day} --retailer {name} --repair"
_FIND_OUT = "Find out what changed it: readers may have seen wrong figures."
_LAND = "retail run {day} --retailer {name} --only-this-date"
_LAND_FILES = "load its files again: retail etl --source FILE --retailer {name}"
REMEDIES = {
    Hop.SOURCE: "The source changed since, or its report is wrong. Read the date again: {land}",
    Hop.RAW: "Restore the object and its manifest from a backup or an older version in the bucket, or {land}",
    Hop.REJECTED: "Restore it from a backup or an older version in the bucket, or {land}",
    Hop.PROCESSED: f"Write it again: {_REPAIR}",
    Hop.FACTS: f"Load the date again: {_REPAIR}. {_FIND_OUT}",
    Hop.LEDGER: f"Load the date again: {_REPAIR}. {_FIND_OUT}",
    Hop.SUMMARIES: f"Load the date again: {_REPAIR}. {_FIND_OUT}",
    Hop.VIEWS: "Refresh the views: retail refresh",
}


def with_remedies(found: Sequence[Difference], stores: Stores) -> tuple[Difference, ...]:
    """The differences of a date with what to do about each."""
    of_files = stores.manifest is not None and bool(stores.manifest.sources)
    return tuple(
        replace(each, what_to_do=remedy(each.hop, stores.retailer_id, str(stores.day), of_files)) for each in found
    )


def remedy(hop: Hop, name: str, day: str, of_files: bool = False) -> str:
    """What to do about a difference of one store."""
    land = (_LAND_FILES if of_files else f"land it again: {_LAND}").format(name=name, day=day)
    if hop is Hop.SOURCE and not of_files:
        land = _LAND.format(name=name, day=day)
    return REMEDIES[hop].format(name=name, day=day, land=land)
