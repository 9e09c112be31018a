"""Where the score chart's lines and points go. Pure; the template draws them as SVG.

Positions across are percent of the plot's width, so that the chart fits any screen without its text shrinking;
positions down are units of HEIGHT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from retail_quality.model import Day

HEIGHT = 160
FLOORS = (99, 98, 95, 90, 80, 50, 0)
"""Where the axis may begin: most scores lie between 95 and 100, and a chart from 0 would show a flat line."""
MOST_TICKS = 6


@dataclass(frozen=True)
class Point:
    """A business date's score."""

    across: float
    down: float
    day: date
    score: float
    outcome: str


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its position and label."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    """A line with gaps where nothing was scored."""

    points: tuple[Point, ...]
    line: str
    area: str
    levels: tuple[Tick, ...]
    dates: tuple[Tick, ...]
    summary: str


@dataclass(frozen=True)
class Spark:
    """One dimension's line, its latest score and its lowest."""

    name: str
    line: str
    latest: float
    lowest: float


def score_chart(days: Sequence[Day]) -> Chart:
    """The overall score of each date; `days` newest first, as everywhere on the page."""
    ordered = list(reversed(days))
    scores = [day.score for day in ordered if day.score is not None]
    floor = _floor(scores)
    points = tuple(
        Point(_across(number, len(ordered)), _down(day.score, floor), day.business_date, day.score, day.outcome or "")
        for number, day in enumerate(ordered)
        if day.score is not None
    )
    runs = _runs([(_across(n, len(ordered)), day.score) for n, day in enumerate(ordered)], floor)
    levels = tuple(Tick(_down(level, floor), f"{level:g}") for level in (floor, (floor + 100) / 2, 100))
    return Chart(points, _line(runs), _area(runs), levels, _date_ticks(ordered), _summary(points))


def sparks(days: Sequence[Day]) -> list[Spark]:
    """Each dimension's line, the lowest latest score first."""
    ordered = list(reversed(days))
    found = []
    for name in sorted({name for day in ordered for name in day.dimensions}):
        scores = [day.dimensions.get(name) for day in ordered]
        known = [score for score in scores if score is not None]
        floor = _floor(known)
        places = [(_across(n, len(ordered)), score) for n, score in enumerate(scores)]
        found.append(Spark(name, _line(_runs(places, floor)), known[-1], min(known)))
    return sorted(found, key=lambda spark: (spark.latest, spark.name))


def _floor(scores: Sequence[float]) -> float:
    lowest = min(scores, default=100.0)
    return next((float(floor) for floor in FLOORS if lowest > floor), 0.0)


def _across(number: int, count: int) -> float:
    return 50.0 if count == 1 else round(100 * number / (count - 1), 3)


def _down(score: float, floor: float) -> float:
    return round(HEIGHT * (100 - score) / (100 - floor), 2)


def _runs(places: Sequence[tuple[float, float | None]], floor: float) -> list[list[tuple[float, float]]]:
    """Unbroken stretches of the line."""
    runs: list[list[tuple[float, float]]] = [[]]
    for across, score in places:
        if score is None:
            runs.append([])
        else:
            runs[-1].append((across, _down(score, floor)))
    return [run for run in runs if run]


def _line(runs: Sequence[Sequence[tuple[float, float]]]) -> str:
    return " ".join("M" + " L".join(f"{x:g} {y:g}" for x, y in run) for run in runs)


def _area(runs: Sequence[Sequence[tuple[float, float]]]) -> str:
    return " ".join(
        f"M{run[0][0]:g} {HEIGHT} L" + " L".join(f"{x:g} {y:g}" for x, y in run) + f" L{run[-1][0]:g} {HEIGHT} Z"
        for run in runs
        if len(run) > 1
    )


def _date_ticks(ordered: Sequence[Day]) -> tuple[Tick, ...]:
    count = len(ordered)
    step = max(1, -(-(count - 1) // (MOST_TICKS - 1)))
    ticks = []
    for number in range(count - 1, -1, -step):  # the last date always has its mark
        anchor = "middle" if 0 < number < count - 1 else "start" if number == 0 else "end"
        day = ordered[number].business_date
        ticks.append(Tick(_across(number, count), f"{day.day} {day:%b}", "middle" if count == 1 else anchor))
    return tuple(reversed(ticks))


def _summary(points: Sequence[Point]) -> str:
    if not points:
        return "No business date of this period has a score."
    lowest = min(points, key=lambda point: point.score)
    return (
        f"Business dates with a score: {len(points)}, from {points[0].day} to {points[-1].day}."
        f" Latest {points[-1].score:.2f}, lowest {lowest.score:.2f} on {lowest.day}."
    )
