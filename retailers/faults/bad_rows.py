"""Decides at which positions of a listing bad rows are, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from retailers.faults.specification import BAD_ROW_KINDS, Fault

T = TypeVar("T")
HUGE = 10_000_000
"""Characters in the product code of a huge row."""


@dataclass(frozen=True)
class BadRows:
    """A bad row comes after every `every` good rows; 0 means none. Positions count delivered rows from 0."""

    every: int
    kinds: tuple[str, ...] = BAD_ROW_KINDS

    def among(self, good: int) -> int:
        """How many bad rows come with that many good ones."""
        return good // self.every if self.every else 0

    def is_bad(self, position: int) -> bool:
        """Whether the row at a position is a bad one."""
        return bool(self.every) and position % (self.every + 1) == self.every

    def good_before(self, position: int) -> int:
        """How many good rows come before a position."""
        return position - position // (self.every + 1) if self.every else position

    def number_at(self, position: int) -> int:
        """The number, from 0, of the bad row at a position."""
        return position // (self.every + 1)

    def kind(self, number: int) -> str:
        """What is wrong with a bad row. Only one per listing is huge, unless that is the only kind wanted."""
        if number < len(self.kinds):
            return self.kinds[number]
        usual = tuple(kind for kind in self.kinds if kind != "huge_string") or self.kinds
        return usual[number % len(usual)]


WITHOUT_BAD_ROWS = BadRows(0)


def bad_rows(fault: Fault | None) -> BadRows:
    """The plan of a `bad_rows` fault: its share of all delivered rows, at most every second one."""
    if fault is None:
        return WITHOUT_BAD_ROWS
    kinds = fault.options.get("kinds")
    return BadRows(max(1, round(1 / float(fault.value) - 1)), tuple(kinds.split("+")) if kinds else BAD_ROW_KINDS)


def mix_bad_rows(good: Sequence[T], plan: BadRows, offset: int, size: int, bad_row: Callable[[int, str], T]) -> list[T]:
    """At most `size` rows from position `offset` on: the good ones, with bad ones where the plan has them.

    `bad_row` builds one from its number and kind.
    """
    if plan is WITHOUT_BAD_ROWS:
        return list(good)
    following = iter(good)
    mixed: list[T] = []
    for position in range(offset, offset + max(0, size)):
        if plan.is_bad(position):
            number = plan.number_at(position)
            mixed.append(bad_row(number, plan.kind(number)))
            continue
        try:
            mixed.append(next(following))
        except StopIteration:
            break
    return mixed
