"""What the terminal shows."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal

from rich.console import Console

from data_quality.quality_checks import CheckResult, Finding, judge, outcome, score_run
from data_quality.report import print_report
from data_quality.results import QualityResult
from tests.unit.data_quality.test_quality_checks import DAY, check


def shown(*results: CheckResult) -> str:
    stream = io.StringIO()
    print_report(
        QualityResult(DAY, results, score_run(results), outcome(results)),
        Console(file=stream, width=200, color_system=None),
    )
    return stream.getvalue()


def checked(failed: int, days_before: int = 0, actual: str = "n") -> CheckResult:
    return judge(
        check(), Finding("retailer_2", DAY - timedelta(days=days_before), Decimal(10), Decimal(failed), "10", actual)
    )


def test_every_check_of_the_day_has_a_line_and_the_outcome_comes_last() -> None:
    text = shown(checked(0), checked(3))
    assert "pass" in text
    assert "fail rows: retailer_2 2024-01-15: All rows are there: expected 10, found n. Load the date again." in text
    assert text.splitlines()[-1] == "Outcome fail for 2024-01-15"
    assert "Score 85.00" in text


def test_of_other_dates_only_what_is_wrong_is_listed() -> None:
    text = shown(checked(0), checked(0, 1), checked(5, 2))
    assert "2 checks of 2 other dates this run loaded (2024-01-13 to 2024-01-14): 1 passed." in text
    assert "Quality of 2024-01-13" in text
    assert "Quality of 2024-01-14" not in text


def test_text_from_the_data_is_not_read_as_markup() -> None:
    assert "[bold]x" in shown(checked(1, actual="[bold]x"))
