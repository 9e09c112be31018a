"""Plots seconds against rows, both logarithmic, as an SVG without libraries or fonts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 820, 500
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 190, 30, 62
_COLOURS = ("#0b6e4f", "#555555", "#c8553d", "#2a6fbb", "#8a5fb0")
_FONT = "font-family='system-ui, sans-serif'"

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class _Axes:
    rows: tuple[float, float]
    seconds: tuple[float, float]

    def x(self, rows: float) -> float:
        low, high = (math.log10(edge) for edge in self.rows)
        return _LEFT + (math.log10(rows) - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)

    def y(self, seconds: float) -> float:
        low, high = (math.log10(edge) for edge in self.seconds)
        return HEIGHT - _BOTTOM - (math.log10(seconds) - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def draw(series: Mapping[str, Points], title: str) -> str:
    """One line per series, named at its end. `series` must not be empty."""
    axes = _axes([point for points in series.values() for point in points])
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' role='img' {_FONT}>",
        f"<title>{title}</title>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#ffffff'/>",
        *_grid(axes, sorted({rows for points in series.values() for rows, _ in points})),
        *_lines(axes, series),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axes(points: Points) -> _Axes:
    rows, seconds = [each for each, _ in points], [each for _, each in points]
    return _Axes(
        (min(rows) / 1.3, max(rows) * 1.3),
        (10 ** math.floor(math.log10(min(seconds))), 10 ** math.ceil(math.log10(max(seconds)))),
    )


def _grid(axes: _Axes, rows: Sequence[int]) -> list[str]:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    parts = []
    for power in range(round(math.log10(axes.seconds[0])), round(math.log10(axes.seconds[1])) + 1):
        for digit in (1, 2, 5):
            value = digit * 10.0**power
            if value > axes.seconds[1] * 1.001:
                continue
            y = axes.y(value)
            shade = "#bbbbbb" if digit == 1 else "#ececec"
            parts.append(f"<path d='M{_LEFT} {y:.1f}H{right}' stroke='{shade}'/>")
            parts.append(_text(_LEFT - 8, y + 4, f"{value:g} s", "end", 12))
    for value in rows:
        x = axes.x(value)
        parts.append(f"<path d='M{x:.1f} {_TOP}V{bottom}' stroke='#ececec'/>")
        parts.append(_text(x, bottom + 20, _short(value), "middle", 12))
    parts.append(
        _text((_LEFT + right) / 2, HEIGHT - 14, "rows of the CSV file (both axes are logarithmic)", "middle", 13)
    )
    return parts


def _lines(axes: _Axes, series: Mapping[str, Points]) -> list[str]:
    parts, ends = [], _label_places([(name, axes.y(points[-1][1])) for name, points in series.items()])
    for (name, points), colour in zip(series.items(), _COLOURS, strict=False):
        places = [(axes.x(rows), axes.y(seconds)) for rows, seconds in points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f"<path d='M{path}' fill='none' stroke='{colour}' stroke-width='2.5'/>")
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{colour}'/>" for x, y in places]
        parts.append(_text(places[-1][0] + 12, ends[name] + 4, name, "start", 13, colour))
    return parts


def _label_places(ends: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Heights of the labels, apart from each other."""
    places: dict[str, float] = {}
    previous = -math.inf
    for name, y in sorted(ends, key=lambda end: end[1]):
        previous = places[name] = max(y, previous + 18)
    return places


def _text(x: float, y: float, text: str, anchor: str, size: int, colour: str = "#333333") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-size='{size}' fill='{colour}'>{text}</text>"


def _short(rows: int) -> str:
    if rows >= 1_000_000:
        return f"{rows / 1e6:.1f} M"
    return f"{rows / 1000:.0f},000" if rows % 1000 == 0 else f"{rows:,}"
