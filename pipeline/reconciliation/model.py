"""What a reconciliation finds: figures of each store, differences with the store where they arise, states of dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from shared.counts import counted

DAYS = 35
"""How many dates up to yesterday are compared, unless others are given."""
Slice = tuple[str, date]
"""A source and a business date."""


class Hop(StrEnum):
    """The stores a record passes through, in order."""

    SOURCE = "source"
    """The control report of the source, or its listing when that is read again."""
    RAW = "raw"
    """The objects and manifests of the raw zone."""
    REJECTED = "rejected"
    """The rejected objects, and the dead letters in the warehouse."""
    PROCESSED = "processed"
    """The Parquet objects of the processed zone."""
    FACTS = "facts"
    """fact_sales, with the lines that a later version under another date supersedes."""
    LEDGER = "ledger"
    SUMMARIES = "summaries"
    """fact_daily_sales and fact_daily_transactions."""
    VIEWS = "views"


class State(StrEnum):
    """What became of a source and date."""

    EQUAL = "equal"
    DIFFERS = "differs"
    NOT_PUBLISHED = "landed, not published"
    """The raw zone has a version that no load has published: it waits, is held, or its load failed. Not a fault."""
    BEING_LOADED = "being loaded"
    """A landing or a load was at work whenever it was looked at, so that nothing can be said. Not a fault."""


@dataclass(frozen=True)
class Figures:
    """The lines of one date and currency in one store. Money and quantity are signed, but for gross."""

    lines: int = 0
    quantity: Decimal = Decimal(0)
    net: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)
    digest: str = ""
    """Of the rows with their keys, whatever their order. Comparable only within one report."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {name: value if isinstance(value, int) else str(value) for name, value in vars(self).items()}


ByCurrency = Mapping[str, Figures]
NO_FIGURES = Figures()


@dataclass(frozen=True)
class Difference:
    """A difference, at the store where it arises: the stores before it agree."""

    hop: Hop
    store: str
    """The table or object that differs."""
    reason: str
    """What differs, in words."""
    currency: str | None = None
    expected: Figures | None = None
    found: Figures | None = None
    examples: tuple[str, ...] = ()
    """Some of the rows that differ."""
    what_to_do: str = ""
    is_missing: bool = False
    """Whether the object is not there at all."""

    def __str__(self) -> str:
        rows = f" ({'; '.join(self.examples)})" if self.examples else ""
        return f"{self.store}: {self.reason}{rows}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "hop": self.hop.value,
            "store": self.store,
            "currency": self.currency,
            "reason": self.reason,
            "expected": self.expected.as_dict() if self.expected else None,
            "found": self.found.as_dict() if self.found else None,
            "examples": list(self.examples),
            "what_to_do": self.what_to_do,
        }


@dataclass(frozen=True)
class DateResult:
    """One source and date."""

    retailer_id: str
    business_date: date
    state: State
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    figures: Mapping[Hop, ByCurrency] = field(default_factory=dict)
    """Of each store that could be read, by currency."""

    @property
    def key(self) -> Slice:
        """Its source and date."""
        return self.retailer_id, self.business_date

    @property
    def lines(self) -> int:
        """Lines that were compared."""
        return max((sum(each.lines for each in found.values()) for found in self.figures.values()), default=0)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "retailer_id": self.retailer_id,
            "business_date": self.business_date.isoformat(),
            "state": self.state.value,
            "differences": [each.as_dict() for each in self.differences],
            "notes": list(self.notes),
            "figures": {
                hop.value: {currency: each.as_dict() for currency, each in sorted(found.items())}
                for hop, found in self.figures.items()
            },
        }


@dataclass(frozen=True)
class ViewResult:
    """What differs between the views and the summaries, for one source."""

    retailer_id: str
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {**asdict(self), "differences": [each.as_dict() for each in self.differences]}


@dataclass(frozen=True)
class Report:
    """A reconciliation."""

    first: date
    last: date
    dates: tuple[DateResult, ...]
    views: tuple[ViewResult, ...]
    reconciled_at: datetime

    @property
    def differing(self) -> tuple[DateResult, ...]:
        """The dates with a difference."""
        return tuple(each for each in self.dates if each.differences)

    @property
    def view_differences(self) -> tuple[ViewResult, ...]:
        """The sources whose views differ."""
        return tuple(each for each in self.views if each.differences)

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.differing and not self.view_differences

    @property
    def summary(self) -> str:
        """One line."""
        states = {state: sum(each.state is state for each in self.dates) for state in State}
        parts = [
            f"{counted(len(self.dates), 'partition')} of {self.first} to {self.last} compared,"
            f" {counted(sum(each.lines for each in self.dates), 'line')}",
            f"{states[State.DIFFERS]} differ",
        ]
        parts += [f"{states[each]} {each.value}" for each in (State.NOT_PUBLISHED, State.BEING_LOADED) if states[each]]
        if self.view_differences:
            parts.append(f"the views of {counted(len(self.view_differences), 'source')} differ")
        return ", ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "ok": self.ok,
            "summary": self.summary,
            "first_date": self.first.isoformat(),
            "last_date": self.last.isoformat(),
            "reconciled_at": self.reconciled_at.isoformat(),
            "dates": [each.as_dict() for each in self.dates],
            "views": [each.as_dict() for each in self.views],
        }


def within(days: Sequence[date], first: date, last: date) -> list[date]:
    """Those of the days that are between `first` and `last`, sorted."""
    return sorted(day for day in set(days) if first <= day <= last)
