"""The result of a run as tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from rich.console import Console
from rich.table import Table

from data_quality.quality_checks import CheckResult, Severity, Status
from data_quality.results import QualityResult
from shared.counts import counted
from shared.terminal_text import escape

STYLES = {Status.PASS: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.NOT_CHECKED: "dim"}


def print_report(result: QualityResult, console: Console) -> None:
    """Print every check of the requested date, what failed on other dates, the scores and the outcome."""
    on_day = [each for each in result.checks if each.finding.business_date == result.business_date]
    console.print(_checks_table(result.business_date, on_day))
    others = [each for each in result.checks if each.finding.business_date != result.business_date]
    if others:
        dates = sorted({each.finding.business_date for each in others})
        findings = [each for each in others if each.status.is_finding]
        passed = sum(each.status is Status.PASS for each in others)
        console.print(
            f"{counted(len(others), 'check')} of {counted(len(dates), 'other date')} this run loaded"
            f" ({dates[0]} to {dates[-1]}): {passed} passed."
        )
        for day in sorted({each.finding.business_date for each in findings}):
            console.print(_checks_table(day, [each for each in findings if each.finding.business_date == day]))
    for each in result.checks:
        if each.status.is_finding:
            line = escape(f"{each.check.name}: {each.message}")
            console.print(f"[{STYLES[each.status]}]{_label(each)}[/] {line}", highlight=False)
    dimensions = ", ".join(f"{name} {score:.1f}" for name, score in result.scores.dimensions.items())
    style = STYLES[result.outcome]
    console.print(f"Score {result.score:.2f} ({dimensions})", highlight=False)
    console.print(f"Outcome [{style}]{result.outcome.value}[/] for {result.business_date}", highlight=False)


def _checks_table(day: date, results: Iterable[CheckResult]) -> Table:
    table = Table(title=f"Quality of {day}", title_justify="left", box=None, pad_edge=False, header_style="dim")
    for name in ("", "check", "retailer"):
        table.add_column(name, no_wrap=True)
    for name in ("expected", "found"):
        table.add_column(name, overflow="fold")
    for each in results:
        table.add_row(
            f"[{STYLES[each.status]}]{_label(each)}[/]",
            each.check.name,
            each.finding.retailer_id,
            escape(each.finding.expected),
            escape(each.finding.actual),
        )
    return table


def _label(result: CheckResult) -> str:
    if result.check.severity is Severity.INFO and result.status.is_finding:
        return "note"
    return result.status.value.replace("_", " ")
