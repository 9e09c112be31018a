"""`retail up`, `down`, `status` and `demo`: handed to `local_stack`, which only a checkout has."""

from __future__ import annotations

import os
import sys

from shared.commands import JsonOption, exit_code
from shared.config import PROJECT_ROOT
from shared.errors import FixConfiguration


def up() -> None:
    """Start the platform on this machine, to stay. A second time changes nothing."""
    _hand_over("up")


def down() -> None:
    """Stop the platform; its data stays."""
    _hand_over("down")


def status(as_json: JsonOption = False) -> None:
    """Show what runs. Ends with 1 when something does not."""
    _hand_over("status", *(["--json"] if as_json else []))


def demo() -> None:
    """Run the real pipeline for the last three days. Shows what happened, then stops everything."""
    _hand_over("demo")


def _hand_over(*arguments: str) -> None:
    """Become `python -m local_stack`, so that signals and the exit code are its own."""
    with exit_code():
        if not (PROJECT_ROOT / "local_stack" / "__main__.py").is_file():
            raise FixConfiguration(
                "The platform on this machine is part of the project's checkout, not of an installed package."
                f" In the checkout run: make {arguments[0]}"
            )
        os.chdir(PROJECT_ROOT)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "local_stack", *arguments])  # noqa: S606 - no shell is wanted
