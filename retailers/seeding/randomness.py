"""Random numbers that are the same on every machine and in every version of Python.

Only `random.Random` seeded by text and its `random()` are used: both are specified bit for bit,
whereas `choice`, `shuffle` and `hash()` may change between versions or runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random

Draw = Callable[[], float]
"""Returns the next number in [0, 1)."""


def stream(*parts: object) -> Draw:
    """A stream of numbers that depends only on these parts."""
    return Random(":".join(map(str, parts))).random  # noqa: S311 - simulated sales, no secret


def quantised(weights: Sequence[float], slots: int = 4096) -> tuple[int, ...]:
    """A table with index i about in proportion to weights[i]; `table[int(draw() * slots)]` picks an index."""
    totals = list(accumulate(weights))
    table: list[int] = []
    index = 0
    for slot in range(slots):
        edge = (slot + 0.5) / slots * totals[-1]
        while totals[index] < edge:
            index += 1
        table.append(index)
    return tuple(table)
