"""Commands that are loaded when they are used: `retail --help` lists them all and imports none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Entry:
    """A command as the catalogue has it."""

    name: str
    target: str
    """`package.module:attribute`, a function with typed options or a `typer.Typer` of subcommands."""
    summary: str
    """One line of plain English; the command's own help begins with it."""
    panel: str
    """The heading it stands under."""
    examples: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The module that holds it."""
        return self.target.partition(":")[0]

    def is_there(self) -> bool:
        """Whether this installation has the command; its package is imported, the module is not."""
        return find_spec(self.module) is not None

    def load(self) -> Any:
        """The command itself."""
        target = getattr(import_module(self.module), self.target.partition(":")[2])
        app = target
        if not isinstance(target, typer.Typer):
            app = typer.Typer(add_completion=False)
            app.command(self.name)(target)
        command = typer.main.get_command(app)
        command.name = self.name
        command.epilog = epilog(self.examples)
        return command


def epilog(examples: Sequence[str]) -> str | None:
    """Examples as the lines below a command's help; `command  # what for`."""
    if not examples:
        return None
    shown = []
    for example in examples:
        command, _, purpose = example.partition("  # ")
        shown.append(f"  [cyan]{command}[/]" + (f"  [dim]{purpose}[/]" if purpose else ""))
    return "\n\n".join(["[bold]Examples[/]", *shown])


class CatalogueGroup(TyperGroup):
    """A group whose commands are the entries in its context settings' `obj`, stand-ins until one is called."""

    def __init__(self, **attributes: Any) -> None:
        entries: Sequence[Entry] = attributes["context_settings"].pop("obj")
        super().__init__(**attributes)
        self.entries = {entry.name: entry for entry in entries if entry.is_there()}
        for entry in self.entries.values():
            self.commands[entry.name] = TyperCommand(entry.name, help=entry.summary, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, loaded now."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, self.entries[name].load() if name in self.entries else stand_in, rest
