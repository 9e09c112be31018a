"""What the alert about a changed schema says."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.schema_contracts.guard import SchemaGuard, how_to_accept
from ingestion.schema_contracts.store import Since

_CONSEQUENCES = {
    "evolve": "Its contract is evolve: the new schema is recorded, and landing goes on.",
    "freeze": "Its contract is freeze: nothing of it is landed until the change is accepted.",
    "reject": "Its contract is reject: the records that differ are dead letters with the reason SCHEMA_CHANGED.",
}
_MOST_SHOWN = 20


@dataclass(frozen=True)
class SchemaNotice:
    """The text of the one alert of a source."""

    summary: str
    detail: str
    severity: str


def notice_of(guard: SchemaGuard, since: Since | None) -> SchemaNotice | None:
    """None where nothing is different."""
    difference = guard.difference
    if difference is None:
        return None
    first = since or Since(difference.business_date, None)
    seen = f", first seen {first.first_seen_at:%Y-%m-%d %H:%M} UTC" if first.first_seen_at else ""
    sentences = [each.sentence() for each in difference.changes]
    more = [f"and {len(sentences) - _MOST_SHOWN} more changes"] if len(sentences) > _MOST_SHOWN else []
    detail = [
        f"Since the business date {first.business_date}{seen}. Touched: {difference.touched:,} of"
        f" {difference.records:,} records of {difference.business_date}.",
        *sentences[:_MOST_SHOWN],
        *more,
        _CONSEQUENCES[guard.contract],
        f"What to do: {_what_to_do(guard)}",
    ]
    severity = "error" if guard.contract == "freeze" else "warning"
    return SchemaNotice(f"{guard.retailer_id} sends other fields than before", "\n".join(detail), severity)


def _what_to_do(guard: SchemaGuard) -> str:
    if guard.contract == "evolve":
        return (
            "if a field that is mapped was renamed or dropped, correct the mapping. To see all changes:"
            f" retail sources schema {guard.retailer_id} --history"
        )
    return how_to_accept(guard.retailer_id)
