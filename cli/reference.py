"""The reference of the `retail` command as Markdown, from what the commands say of themselves.

python -m cli.reference > docs/CLI.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import typer

from cli.command_list import COMMANDS, EXIT_CODES
from cli.deferred import Entry
from cli.main import app

HEAD = """# The `retail` command

`make` of any target puts `retail` into `.venv/bin`; `pip install .` into an environment of your own. `python -m cli` is
the same. This page is what the commands say of themselves: `python -m cli.reference > docs/CLI.md` writes it, a test
compares it.

* `-h` or `--help` explains each command; `retail --install-completion` makes the shell complete them.
* `--json` prints the result for programs, on standard output; what else there is to say goes to standard error.
* Settings come from the environment, then from `.env`; `retail config check` shows them with secrets masked.
* `NO_COLOR=1` turns colours off. `RETAIL_TRACEBACK=1` shows where a defect is.
"""


def reference() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("retail", [], resilient_parsing=True)
    lines = [HEAD, "## Exit codes\n", "| code | meaning |", "|---|---|"]
    lines += [
        f"| {code} | {meaning} |" for code, _, meaning in (each.partition(" ") for each in EXIT_CODES.split(" · "))
    ]
    there = [entry for entry in COMMANDS if entry.is_there()]
    for panel, entries in groupby(there, key=lambda entry: entry.panel):
        lines.append(f"\n## {panel}")
        for entry in entries:
            lines += _command(entry, context)
    return "\n".join(lines) + "\n"


def _command(entry: Entry, root: Any) -> Iterator[str]:
    command = entry.load()
    context = command.make_context(entry.name, [], parent=root, resilient_parsing=True)
    inner = getattr(command, "commands", None)
    yield f"\n### retail {entry.name}\n"
    yield str(command.help)
    if inner is None:
        yield from _parameters(context)
    for name, subcommand in (inner or {}).items():
        yield f"\n**retail {entry.name} {name}**: {subcommand.help}"
        yield from _parameters(subcommand.make_context(name, [], parent=context, resilient_parsing=True))
    yield "\n```"
    yield from entry.examples
    yield "```"


def _parameters(context: Any) -> Iterator[str]:
    shown = [each for each in context.command.get_params(context) if "--help" not in each.opts and not each.hidden]
    if shown:
        yield "\n| option | meaning |"
        yield "|---|---|"
    for each in shown:
        name = each.metavar if each.param_type_name == "argument" else ", ".join([*each.opts, *each.secondary_opts])
        value = each.metavar if each.param_type_name == "option" and not each.is_flag and each.metavar else ""
        default = each.default if isinstance(each.default, str | int | float) and not each.is_flag else None
        told = str(each.help) + (f" Default: {default}." if default is not None else "")
        yield f"| `{f'{name} {value}'.strip()}` | {told} |".replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(reference())
