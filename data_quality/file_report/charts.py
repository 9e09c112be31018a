"""The geometry of the page's charts, in the units of an SVG's own box; the template draws it. Pure.

Charts contain no text, so that they can be stretched to any width; labels are next to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 100.0


@dataclass(frozen=True)
class Bar:
    """A column of a chart and the text that describes it."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Columns:
    """Columns on a zero line, in a box of WIDTH × HEIGHT."""

    bars: tuple[Bar, ...]
    zero: float
    """Where the zero line is, from the top."""
    least: float
    greatest: float


def columns(values: Sequence[tuple[str, float]]) -> Columns:
    """A column per value, side by side; below the zero line where it is negative."""
    least = min([0.0, *(value for _, value in values)])
    greatest = max([0.0, *(value for _, value in values)])
    scale = HEIGHT / (greatest - least or 1)
    zero = greatest * scale
    step = WIDTH / (len(values) or 1)
    gap = min(step * 0.15, 6.0)
    bars = tuple(
        Bar(
            round(number * step + gap / 2, 2),
            round(zero - max(value, 0) * scale, 2),
            round(step - gap, 2),
            round(abs(value) * scale, 2),
            title,
        )
        for number, (title, value) in enumerate(values)
    )
    return Columns(bars, round(zero, 2), least, greatest)


def percent_of(part: float, total: float) -> float:
    """The length of a horizontal bar, 0 to 100; any value above 0 is visible."""
    if not part or not total:
        return 0.0
    return round(max(100 * part / total, 0.5), 2)
