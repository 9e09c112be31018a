"""What continuous integration prints about its plan and its results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scripts.ci.plan import Decision
from scripts.ci.steps import Result, Step

WIDTH = 24


def plan_lines(decisions: Iterable[Decision]) -> list[str]:
    """One line for each suite: whether it runs, and why."""
    return [f"{'run ' if each.runs else 'skip'}  {each.suite.name:<{WIDTH}} {_why(each)}" for each in decisions]


def summary_lines(decisions: Iterable[Decision], results: Mapping[Step, Result]) -> list[str]:
    """How each step ended, how long it took and what its suites cover; then what did not run, and when it is due."""
    lines = [line for step, result in results.items() for line in _step_lines(step, result)]
    lines.append(f"{'total':<{WIDTH}} {'':<7}{sum(result.seconds for result in results.values()):>6} s")
    if waiting := [each for each in decisions if not each.runs]:
        lines += ["", "not run:"]
        lines += [f"{each.suite.name:<{WIDTH}} {_why(each)}" for each in waiting]
    return lines


def _step_lines(step: Step, result: Result) -> list[str]:
    outcome = f"{'ok' if result.ok else 'FAILED':<7}{result.seconds:>6} s"
    first, *others = step.suites
    lines = [f"{first.name:<{WIDTH}} {outcome}  {first.about}"]
    lines += [f"{suite.name:<{WIDTH}} {'together':<15}  {suite.about}" for suite in others]
    return [*lines, f"{'':<{WIDTH + 18}}{result.closing}"] if result.closing else lines


def _why(decision: Decision) -> str:
    if decision.runs:
        return decision.reason
    when = "with the next landing" if decision.due_in == 1 else f"in {decision.due_in} landings"
    return f"{decision.reason}; due {when} at the latest"
