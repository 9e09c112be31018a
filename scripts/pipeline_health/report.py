"""The report: a table on a terminal, one line per finding in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from scripts.pipeline_health.findings import Finding, Health
from shared.counts import counted
from shared.terminal_text import escape

STYLES = {Health.OK: "green", Health.ATTENTION: "yellow", Health.DOWN: "bold red", Health.UNKNOWN: "magenta"}


def print_report(title: str, findings: Sequence[Finding], status: int, console: Console) -> None:
    """Which platform, then area by area, then the result in a sentence."""
    console.print(f"Platform: {title}", highlight=False, markup=False, soft_wrap=True)
    if console.is_terminal:
        console.print(_table(findings), highlight=False)
    else:
        for line in _lines(findings):  # not folded, so that `grep` finds a reason with its service
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(_summary(findings, status), highlight=False, soft_wrap=True)


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(min_width=9)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for area, of_area in groupby(findings, key=lambda each: each.area):
        table.add_row("", f"[bold]{escape(area)}[/]", "")
        for each in of_area:
            remedy = f"\n[dim]→ {escape(each.remedy)}[/]" if each.remedy else ""
            shown = f"[{STYLES[each.health]}]{each.health}[/]"
            table.add_row(shown, escape(each.item), escape(each.reason) + remedy)
    return table


def _lines(findings: Sequence[Finding]) -> list[str]:
    lines: list[str] = []
    width = max((len(each.item) for each in findings), default=0)
    for area, of_area in groupby(findings, key=lambda each: each.area):
        lines.append(f"{area}:")
        for each in of_area:
            remedy = f" → {each.remedy}" if each.remedy else ""
            lines.append(f"{each.health:<9} {each.item:<{width}}  {each.reason}{remedy}")
    return lines


def _summary(findings: Sequence[Finding], status: int) -> str:
    """One sentence that agrees with the findings and the exit status."""
    number = {health: sum(each.health is health for each in findings) for health in Health}
    parts = [
        f"{number[health]} {words}"
        for health, words in (
            (Health.DOWN, "down"),
            (Health.UNKNOWN, "could not be checked"),
            (Health.ATTENTION, "need attention" if number[Health.ATTENTION] > 1 else "needs attention"),
        )
        if number[health]
    ]
    checks = counted(len(findings), "check")
    if not parts:
        return f"Everything is healthy ({checks})." if status == 0 else "Nothing could be checked."
    works = "Everything works, but " if status == 0 else ""
    return f"{works}{', '.join(parts)} (of {checks})."
