"""Decide which suites run: no clock, no git, no environment.

A suite that is not run every time is due when it has never passed, when a file that it covers has changed since, when
it is its group's turn, and after three landings without it. Whatever is not known makes it due: everything runs without
a readable history, and on a commit that nobody has recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scripts.ci.history import RECORD, History
from scripts.ci.suites import GROUPS, Suite

SHOWN_FILES = 2


@dataclass(frozen=True)
class Decision:
    """Whether a suite runs."""

    suite: Suite
    runs: bool
    reason: str
    due_in: int = 0
    """For a suite that does not run: after how many landings it is due at the latest."""


def decide(
    suites: Iterable[Suite], history: History, *, everything: bool = False, recording: bool = False
) -> tuple[Decision, ...]:
    """Decide on every suite. `recording` is the run whose result becomes the record of this landing."""
    reason = _reason_for_everything(history, everything, recording)
    if reason:
        return tuple(Decision(suite, True, "runs every time" if suite.always else reason) for suite in suites)
    number = len(history.landings) - (1 if history.is_recorded else 0)
    return tuple(_decide(suite, history, number) for suite in suites)


def _reason_for_everything(history: History, everything: bool, recording: bool) -> str:
    if everything:
        return "--all was given"
    if history.unreadable:
        return f"everything runs: {history.unreadable}"
    if not history.is_recorded and not recording:
        return f"everything runs: this commit is not recorded in {RECORD}"
    return ""


def _decide(suite: Suite, history: History, number: int) -> Decision:
    if suite.always:
        return Decision(suite, True, "runs every time")
    last = history.last_run(suite.name)
    if last is None:
        return Decision(suite, True, f"{RECORD} has no run of it")
    landing = history.landings[last]
    if files := suite.covered(history.changed[landing.commit]):
        return Decision(suite, True, f"changed since {landing.commit[:9]}: {_listed(files)}")
    if number % GROUPS == suite.group:
        return Decision(suite, True, f"its turn: landing {number} is for group {suite.group}")
    if number - last >= GROUPS:
        return Decision(suite, True, f"{number - last - 1} landings without it")
    to_turn = (suite.group - number) % GROUPS
    reason = f"nothing it covers has changed since {landing.commit[:9]} of {landing.date}"
    return Decision(suite, False, reason, min(to_turn, last + GROUPS - number))


def _listed(files: list[str]) -> str:
    shown = ", ".join(files[:SHOWN_FILES])
    more = len(files) - SHOWN_FILES
    return f"{shown} and {more} more" if more > 0 else shown
