"""Continuous integration, from a clean clone: what a new user does, then the checks that are due.

bash .ci/run             run what is due, print why; status 1 when a suite failed
bash .ci/run --plan      only print what would run
bash .ci/run --all       run everything
bash .ci/run --record    run what is due for this landing, and add a line to .ci/landings.jsonl
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from scripts.ci.history import RECORD, Landing, append_landing, git, is_clean, read_history
from scripts.ci.plan import Decision, decide
from scripts.ci.report import plan_lines, summary_lines
from scripts.ci.steps import Result, Step, run_step, steps_of
from scripts.ci.suites import read_suites

ROOT = Path(__file__).resolve().parents[2]
SUITES = ROOT / ".ci" / "suites.toml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, plan, run, report; the exit status."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    history = read_history(ROOT)
    if options.record and (history.unreadable or not is_clean(ROOT)):
        print(f"ci: --record needs a clean checkout. {history.unreadable or 'Commit or stash your changes first.'}")
        return 2
    decisions = decide(read_suites(SUITES), history, everything=options.all, recording=options.record)
    _show("plan", plan_lines(decisions))
    if options.plan:
        return 0
    commit = git(ROOT, "rev-parse", "HEAD").strip() if options.record else ""
    results = _run(decisions)
    _show("summary", summary_lines(decisions, results))
    recorded = _record(commit, results) if options.record else True
    return 0 if recorded and all(result.ok for result in results.values()) else 1


def _end(number: int, frame: object) -> NoReturn:
    """End in order when the run is cancelled: without this the platform of a suite would keep running."""
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=".ci/run", description="Run the suites that are due for this commit.")
    parser.add_argument("--plan", action="store_true", help="print what would run and why, and run nothing")
    parser.add_argument("--all", action="store_true", help="run every suite")
    parser.add_argument("--record", action="store_true", help=f"for a landing: add the results to {RECORD}")
    return parser


def _run(decisions: Sequence[Decision]) -> dict[Step, Result]:
    results = {}
    try:
        for step in steps_of(each.suite for each in decisions if each.runs):
            _show(f"{step.title}: {' '.join(step.command)}", ())
            results[step] = run_step(step.command, ROOT)
    finally:
        subprocess.run(["make", "down"], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
    return results


def _record(commit: str, results: dict[Step, Result]) -> bool:
    if git(ROOT, "rev-parse", "HEAD").strip() != commit or not is_clean(ROOT):
        print("ci: the checkout has changed during the run, so nothing is recorded.")
        return False
    seconds = {suite.name: result.seconds for step, result in results.items() for suite in step.suites if result.ok}
    failed = tuple(suite.name for step, result in results.items() for suite in step.suites if not result.ok)
    append_landing(ROOT, Landing(commit, datetime.now(UTC).date().isoformat(), seconds, failed))
    if failed:
        print(f"\nci: recorded what passed. Commit {RECORD}, correct what failed, and run --record again.")
    else:
        print(f"\nci: recorded. Commit {RECORD}, and nothing else with it.")
    return True


def _show(title: str, lines: Sequence[str]) -> None:
    print(f"\n== {title}", *lines, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
