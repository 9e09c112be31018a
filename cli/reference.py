"""The reference of the `retail` command as Markdown, generated from the help of the commands.

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

Any `make` target installs `retail` in `.venv/bin`; `pip install .` installs it in another environment. `python -m cli`
is the same command. This page is generated from the commands' help: `python -m cli.reference > docs/CLI.md`. A test
compares them.

* `-h` or `--help` explains each command; `retail --install-completion` sets up shell completion.
* `--json` prints the result for programs on standard output; all other messages go to standard error.
* Warnings go to standard error. The complete log goes to `.local/logs/retail.log` in a checkout, else to
  `retail/retail.log` in `$XDG_STATE_HOME` or `~/.local/state`; `RETAIL_LOG_FILE` names another file. `retail --verbose
  COMMAND`, or `LOG_LEVEL`, shows the complete log on standard error instead.
* Settings come from the environment, then from `.env`; `retail config check` shows them with secrets masked.
* `NO_COLOR=1` turns colours off. `RETAIL_TRACEBACK=1` shows the traceback of an internal error.
"""


def reference() -> str:
    """The complete page."""
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
        text = str(each.help) + (f" Default: {default}." if default is not None else "")
        yield f"| `{f'{name} {value}'.strip()}` | {text} |".replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(reference())
