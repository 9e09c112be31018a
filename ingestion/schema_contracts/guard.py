"""Compares what a source sends with its schema, and decides by the source's contract what happens to a difference.

One guard is for one source in one run. What it found is kept until the run ends, so that it gives one alert.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from ingestion.schema_contracts.differences import EXPECTED, Change, differing_field, find_changes
from ingestion.schema_contracts.model import Observation, Schema, SchemaField, merged
from ingestion.schema_contracts.observation import observe, sample
from shared.errors import StopRun
from shared.sources.contracts import Contract


class SchemaFrozen(StopRun):
    """The source sends something else than its frozen schema."""


@dataclass(frozen=True)
class SchemaDifference:
    """What a source sent that is not as before."""

    business_date: date
    """The first date with it in this run."""
    changes: tuple[Change, ...]
    records: int
    """How many records were looked at."""
    seen: Observation = field(repr=False)

    @property
    def touched(self) -> int:
        """How many records the change touches that touches most."""
        return max(each.records for each in self.changes)


class ListingSchema:
    """The records of one listing. Large pages are sampled, until something is different; then each record counts.

    With the contract `reject` each record is compared from the beginning.
    """

    def __init__(self, known: Schema | None, contract: Contract) -> None:
        self._known, self._contract = known, contract
        self._is_exact = contract == "reject"
        self.seen = Observation()

    def add(self, records: Sequence[Any]) -> Mapping[int, str]:
        """Look at a page. Returns the records that are rejected: position → what is different."""
        found = observe(records if self._is_exact else sample(records))
        if not self._is_exact and self._known is not None and find_changes(self._known, found):
            self._is_exact = True
            found = observe(records)
        self.seen.add(found)
        if self._contract != "reject" or self._known is None or not self._known.is_settled:
            return {}
        if not self._can_differ(found, self._known):
            return {}
        reasons = ((row, differing_field(record, self._known)) for row, record in enumerate(records))
        return {row: reason for row, reason in reasons if reason}

    def changes(self) -> tuple[Change, ...]:
        """What is different from a schema that is known well enough."""
        if self._known is None or not self._known.is_settled:
            return ()
        return tuple(find_changes(self._known, self.seen))

    @staticmethod
    def _can_differ(found: Observation, known: Schema) -> bool:
        """Whether a record of a page can be different: no record has to be looked at in most pages."""
        if find_changes(known, found):
            return True
        return any(found.present(path) < found.around(path) for path in known.required())


class SchemaGuard:
    """The schema of a source during a run."""

    def __init__(self, retailer_id: str, contract: Contract, read: Callable[[], Schema | None]) -> None:
        """`read` returns the schema before this run. It is called when the first listing begins."""
        self.retailer_id, self.contract, self._read = retailer_id, contract, read
        self.difference: SchemaDifference | None = None
        """The first one of the run."""
        self.is_extended = False
        """Whether `known` has to be written."""
        self.latest: date | None = None
        """The latest date that was read to its end."""

    @cached_property
    def known(self) -> Schema | None:
        """The schema that records are compared with; None for a source that was never landed."""
        return self._read()

    def listing(self) -> ListingSchema:
        """For a listing that begins."""
        return ListingSchema(self.known, self.contract)

    def check(self, day: date, listing: ListingSchema) -> None:
        """Keep what is different in a complete listing. Raises SchemaFrozen if the contract is `freeze`."""
        self.keep(day, listing.changes(), listing.seen)

    def keep(self, day: date, changes: Sequence[Change], seen: Observation) -> None:
        """Keep changes, if there are any. Raises SchemaFrozen if the contract is `freeze`."""
        self.latest = max(self.latest or day, day)
        if not changes:
            return
        found = SchemaDifference(day, tuple(changes), seen.records, seen)
        self.difference = self.difference or found
        if self.contract == "freeze":
            raise SchemaFrozen(
                f"{self.retailer_id} {day}: it sends other fields than before, and its contract is freeze. Nothing was"
                f" landed. {'; '.join(each.sentence() for each in changes)}. {how_to_accept(self.retailer_id)}"
            )

    def landed(self, seen: Observation, expected: int = EXPECTED) -> None:
        """Take over what was landed. With `freeze` and `reject` only a schema that is not known well enough grows.

        `expected` is that of `find_changes`.
        """
        known = self.known
        is_settled = known is not None and (known.is_settled or not expected)
        changes = find_changes(known, seen, expected) if known is not None and is_settled else []
        if known is None:
            self.known, self.is_extended = seen.schema(), True
        elif not is_settled or (changes and self.contract == "evolve"):
            gone = frozenset(
                each.before if each.kind == "renamed" else each.path
                for each in changes
                if each.kind in ("dropped", "renamed")
            )
            self.known, self.is_extended = merged(known, seen, gone), True
        elif not changes:
            # Null before, a type now; or a field that is optional after all.
            larger = merged(known, seen).fields
            if any(_is_other(larger[path], known.fields[path]) for path in known.fields):
                self.known, self.is_extended = Schema(larger, known.records), True


def _is_other(new: SchemaField, old: SchemaField) -> bool:
    return new.types != old.types or (new.share < 1 <= old.share)


def how_to_accept(retailer_id: str) -> str:
    """The end of a message."""
    return (
        f"To see it: retail sources schema {retailer_id}. To accept it: retail sources accept {retailer_id}; or correct"
        " it at the source."
    )
