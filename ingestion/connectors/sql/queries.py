"""The statements for a source's lines: which columns there are, a date, its control report, what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from ingestion.connectors.sql.columns import Bound, Kind, Zone
from ingestion.connectors.sql.dialect import Dialect
from ingestion.connectors.sql.mapping import SelectedColumns
from ingestion.connectors.sql.statements import Selection
from shared.sources.databases import DatabaseRead

Kinds = Mapping[str, Kind]


class Statement(NamedTuple):
    """A statement and its values."""

    sql: str
    parameters: Mapping[str, Bound]


@dataclass(frozen=True)
class Queries:
    """The statements of one source."""

    dialect: Dialect
    selection: Selection
    zone: Zone
    read: DatabaseRead
    columns: SelectedColumns

    @property
    def timed(self) -> tuple[str, ...]:
        """The columns whose kind decides how times are written and read."""
        own = (self.read.date_column, self.read.changed_by, self.read.incrementing_key)
        return tuple(dict.fromkeys(name for name in (*own, *self.columns.times) if name))

    def columns_of(self, day: date) -> Statement:
        """All columns of the query, without its rows."""
        return Statement(self.selection.select("*"), self._of_query(day))

    def first(self, kinds: Kinds, day: date) -> Statement:
        """A row for each line of a date, of which one is enough to know that it can be read."""
        condition, parameters = self._on(kinds, day)
        return Statement(self.selection.select("1", condition), parameters)

    def lines(self, kinds: Kinds, day: date) -> Statement:
        """The lines of a date, always in the same order."""
        condition, parameters = self._on(kinds, day)
        order = self.selection.columns(self.columns.order)
        names = self.selection.columns(self.columns.names)
        return Statement(self.selection.select(names, condition, f" ORDER BY {order}" if order else ""), parameters)

    def report(self, kinds: Kinds, day: date) -> Statement:
        """Currency, lines and net amount of a date; the currency is null where it is a constant."""
        condition, parameters = self._on(kinds, day)
        amount = self.dialect.exact_sum(self.dialect.quote(self.read.net_amount or ""))
        if not self.columns.currency:
            return Statement(self.selection.select(f"NULL, count(*), {amount}", condition), parameters)
        currency = self.dialect.quote(self.columns.currency)
        selected = self.selection.select(f"{currency}, count(*), {amount}", condition, f" GROUP BY {currency}")
        return Statement(selected, parameters)

    def changes(self, kinds: Kinds, since: datetime) -> Statement:
        """Each minute with lines that changed since then, and their latest change."""
        date_column, changed_by = self.read.date_column or "", self.read.changed_by or ""
        minute = self.dialect.minute(self.dialect.quote(date_column), kinds[date_column])
        changed, kind = self.dialect.quote(changed_by), kinds[changed_by]
        parameters = {"since": self.zone.no_later(kind, since)}
        selected = self.selection.select(
            f"{minute}, {self.dialect.latest(changed, kind)}", self.dialect.since(changed, kind), f" GROUP BY {minute}"
        )
        return Statement(selected, parameters)

    def above(self, kinds: Kinds, key: int | None) -> Statement:
        """Each minute with lines above a key, or of all lines, and their highest key."""
        date_column = self.read.date_column or ""
        minute = self.dialect.minute(self.dialect.quote(date_column), kinds[date_column])
        column = self.dialect.quote(self.read.incrementing_key or "")
        condition = "" if key is None else f"{column} > :key"
        selected = self.selection.select(f"{minute}, max({column})", condition, f" GROUP BY {minute}")
        return Statement(selected, {} if key is None else {"key": key})

    def highest_key(self) -> Statement:
        """The highest key of all lines."""
        return Statement(self.selection.select(f"max({self.dialect.quote(self.read.incrementing_key or '')})"), {})

    def _on(self, kinds: Kinds, day: date) -> tuple[str, Mapping[str, Bound]]:
        """The condition for a date, and its values. A query with parameters has its own condition."""
        column = self.read.date_column
        if self.selection.is_parametrised or column is None:
            return "", self._of_query(day)
        return self.dialect.between(self.dialect.quote(column), kinds[column]), self.zone.bounds(kinds[column], day)

    def _of_query(self, day: date) -> Mapping[str, Bound]:
        return self.zone.bounds(Kind.TIME, day) if self.selection.is_parametrised else {}
