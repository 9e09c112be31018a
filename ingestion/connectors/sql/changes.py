"""Which business dates have rows that are new or changed: by the time of a change, or by a key that only increases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ingestion.connectors.protocol import keep_latest_change
from ingestion.connectors.sql.columns import Kind, zone_of
from ingestion.source_clock import ANY_TIME
from shared.errors import FixConfiguration
from shared.logs import get_logger
from shared.sources.databases import LATE_COMMIT_KEYS
from shared.sources.definition import SourceDefinition

_log = get_logger(__name__)


@dataclass(frozen=True)
class ChangedDates:
    """The dates of one list, read in one snapshot."""

    source: SourceDefinition
    statements: Any
    """Those of `SnapshotConnector`; with keys, `Queries`."""
    snapshot: Any
    kinds: Any
    kind_of: Callable[[Any, str | None], Kind]
    """The kind of a column with a time."""

    def by_time(self, since: datetime) -> dict[date, datetime]:
        """The dates with rows whose `changed_by` is at or after that time, each with its latest change."""
        found: dict[date, datetime] = {}
        of_change, zone = self.kind_of(self.kinds, self.source.read.changed_by), zone_of(self.source)
        for sold_at, changed_at in self.snapshot.rows(self.statements.changes(self.kinds, since)):
            try:
                changed = zone.instant(of_change, changed_at or "")
            except (ValueError, OverflowError, OSError):
                changed = ANY_TIME
            self._note(found, sold_at, changed)
        return found

    def by_key(self, position: str | None) -> tuple[dict[date, datetime], str]:
        """The dates with rows above the key that was read up to, and the key that is now.

        Some keys below the highest one count as not read, because a transaction that took a lower one may commit later.
        Without a position, the list has no dates: nothing says which rows were there before.
        """
        newest = self._integer(position) if position is not None else None
        if newest is None:
            return {}, self._position(self._highest())
        found, highest = self._above(newest)
        if highest is None and (left := self._highest()) is not None and left < newest:
            # The table was restored, renumbered or filled again: any row may be another one than before.
            _log.warning(
                "the keys begin again, so all dates are read",
                retailer_id=self.source.id,
                read_up_to=newest,
                highest=left,
            )
            found, highest = self._above(None)
        return found, str(newest) if highest is None else self._position(highest)

    def _above(self, key: int | None) -> tuple[dict[date, datetime], int | None]:
        """The dates with rows above a key, or of all rows, and their highest key."""
        found: dict[date, datetime] = {}
        highest: int | None = None
        for sold_at, text in self.snapshot.rows(self.statements.above(self.kinds, key)):
            if text is not None:  # a row without a key has a date as well, but it is not new in every run
                highest = max(self._integer(text), self._integer(text) if highest is None else highest)
                # Nothing says when the row was committed, so that no partition certainly has it.
                self._note(found, sold_at, ANY_TIME)
        return found, highest

    def _highest(self) -> int | None:
        [(text,)] = self.snapshot.rows(self.statements.highest_key())
        return None if text is None else self._integer(text)

    def _position(self, highest: int | None) -> str:
        margin = self.source.read.late_commit_keys
        return str((highest or 0) - (LATE_COMMIT_KEYS if margin is None else margin))

    def _integer(self, text: str) -> int:
        try:
            value = Decimal(text)
            if value == value.to_integral_value():
                return int(value)
        except (InvalidOperation, OverflowError, ValueError):
            pass
        name = self.source.read.incrementing_key
        raise FixConfiguration(
            f"{self.source.id}: the column {name!r}, which read.incrementing_key names, has values that are not"
            f" integers. Name another column in sources/{self.source.id}.yaml, or remove the key."
        )

    def _note(self, found: dict[date, datetime], sold_at: str | None, changed: datetime) -> None:
        try:
            of_date = self.kind_of(self.kinds, self.source.read.date_column)
            day = zone_of(self.source).business_date(of_date, sold_at or "")
        except (ValueError, OverflowError, OSError):
            return  # such a line is on no date, and landing its date would not land it
        keep_latest_change(found, day, changed)
