"""Where the score chart's lines and points go."""

from __future__ import annotations

from datetime import date, timedelta

from retail_quality.chart import HEIGHT, score_chart, sparks
from retail_quality.model import Day

FIRST = date(2024, 1, 1)


def days(*scores: float | None, **dimensions: list[float | None]) -> list[Day]:
    """Consecutive dates with these scores, newest first as the page has them."""
    found = []
    for number, score in enumerate(scores):
        known = {name: values[number] for name, values in dimensions.items() if values[number] is not None}
        day = FIRST + timedelta(days=number)
        found.append(Day(day, "pass", score, "run", None, "run", None, 0, 0, 0, None, known))  # type: ignore[arg-type]
    return found[::-1]


def test_the_latest_date_is_on_the_right_and_the_best_score_at_the_top() -> None:
    points = score_chart(days(96, 100, 97.5)).points

    assert [(point.across, point.down) for point in points] == [(0, HEIGHT * 0.8), (50, 0), (100, HEIGHT / 2)]
    assert points[-1].day == FIRST + timedelta(days=2)


def test_the_axis_begins_below_the_lowest_score() -> None:
    assert [score_chart(days(lowest, 100)).levels[0].label for lowest in (99.2, 98.5, 96, 95, 12.5, 0)] == [
        "99", "98", "95", "90", "0", "0",
    ]  # fmt: skip


def test_the_line_has_a_gap_where_nothing_was_scored() -> None:
    chart = score_chart(days(100, 100, None, 100, 100))

    assert chart.line.count("M") == 2
    assert chart.area.count("Z") == 2
    assert len(chart.points) == 4


def test_a_single_date_is_a_point_in_the_middle() -> None:
    chart = score_chart(days(98.5))

    assert [(point.across, point.down) for point in chart.points] == [(50, HEIGHT * 1.5 / 2)]
    assert [(tick.at, tick.label, tick.anchor) for tick in chart.dates] == [(50, "1 Jan", "middle")]


def test_a_period_without_a_score_says_so() -> None:
    chart = score_chart(days(None, None))

    assert (chart.points, chart.line, chart.summary) == ((), "", "No business date of this period has a score.")


def test_a_year_has_no_more_marks_than_fit_and_the_last_date_has_one() -> None:
    ticks = score_chart(days(*[100.0] * 365)).dates

    assert len(ticks) <= 6
    assert (ticks[-1].at, ticks[-1].label, ticks[-1].anchor) == (100, "30 Dec", "end")


def test_the_words_name_the_lowest_score_and_its_date() -> None:
    assert "Latest 99.00, lowest 96.50 on 2024-01-02." in score_chart(days(100, 96.5, 99)).summary


def test_dimensions_are_sorted_with_the_lowest_first_each_with_its_own_line() -> None:
    found = sparks(days(100, 100, 100, accuracy=[100, 100, 100], validity=[100, 80, 97], timeliness=[None, 99, 100]))

    assert [(spark.name, spark.latest, spark.lowest) for spark in found] == [
        ("validity", 97, 80),
        ("accuracy", 100, 100),
        ("timeliness", 100, 99),
    ]
    assert found[2].line.startswith("M50 ")
