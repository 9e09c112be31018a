"""`retail up`, `down`, `status` and `demo`: handed to `local_stack`, which only a checkout has."""

from __future__ import annotations

import os
import sys

from shared.commands import JsonOption, exit_code
from shared.config import PROJECT_ROOT
from shared.errors import FixConfiguration


def up() -> None:
    """Start the platform on this machine in the background. Does nothing when it is running."""
    _hand_over("up")


def down() -> None:
    """Stop the platform and keep its data."""
    _hand_over("down")


def status(as_json: JsonOption = False) -> None:
    """Show which services are running. Exits with 1 when one is not."""
    _hand_over("status", *(["--json"] if as_json else []))


def demo() -> None:
    """Run the real pipeline for the last three days. Shows the results, then stops the platform."""
    _hand_over("demo")


def _hand_over(*arguments: str) -> None:
    """Replace this process with `python -m local_stack`, which then handles signals and sets the exit code."""
    with exit_code():
        if not (PROJECT_ROOT / "local_stack" / "__main__.py").is_file():
            raise FixConfiguration(
                "The local platform is part of a checkout of the project, not of the installed package."
                f" In the checkout run: make {arguments[0]}"
            )
        os.chdir(PROJECT_ROOT)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "local_stack", *arguments])  # noqa: S606 - no shell is wanted
