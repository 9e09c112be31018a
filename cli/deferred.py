"""Commands that are imported when they are used: `retail --help` lists them all and imports none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import cleandoc
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    """A command whose help names values, not Python types, in paragraphs as wide as the terminal."""

    def __init__(self, *positional: Any, **attributes: Any) -> None:
        if text := attributes.get("help"):
            attributes["help"] = "\n\n".join(" ".join(part.split()) for part in cleandoc(text).split("\n\n"))
        super().__init__(*positional, **attributes)

    def get_params(self, ctx: Any) -> Any:
        """Its options and arguments."""
        return _named_by_what_they_take(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """The same for a group of subcommands."""

    def get_params(self, ctx: Any) -> Any:
        """Its options."""
        return _named_by_what_they_take(super().get_params(ctx))


def _named_by_what_they_take(parameters: Iterable[Any]) -> list[Any]:
    parameters = list(parameters)
    for each in parameters:
        if getattr(each, "metavar", None) is None and each.param_type_name == "option":
            if each.is_flag:
                each.metavar = ""
            elif each.type_descriptor.annotation in (int, float):
                each.metavar = "NUMBER"
            elif not each.type_descriptor.is_choice:
                each.metavar = max(each.opts, key=len).lstrip("-").upper().replace("-", "_")
    return parameters


@dataclass(frozen=True)
class Entry:
    """A command in the list of commands."""

    name: str
    target: str
    """`package.module:attribute`, a function with typed options or a `typer.Typer` of subcommands."""
    summary: str
    """One line of plain English; the command's own help begins with it."""
    panel: str
    """The heading it is listed under."""
    examples: tuple[str, ...] = ()
    """`command  # what for`."""

    @property
    def module(self) -> str:
        """The module that holds it."""
        return self.target.partition(":")[0]

    def is_there(self) -> bool:
        """Whether this installation has the command; its package is imported, the module is not."""
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False

    def load(self) -> Any:
        """The command itself."""
        target = getattr(import_module(self.module), self.target.partition(":")[2])
        app = target
        if not isinstance(target, typer.Typer):
            app = typer.Typer(add_completion=False)
            app.command(self.name, cls=PlainCommand)(target)
        command = typer.main.get_command(app)
        command.name = self.name
        command.epilog = epilog(self.examples)
        return command


def epilog(examples: Sequence[str]) -> str | None:
    """Examples as the lines below a command's help."""
    if not examples:
        return None
    width = max(len(example.partition("  # ")[0]) for example in examples)
    shown = []
    for example in examples:
        command, _, purpose = example.partition("  # ")
        shown.append(f"  [cyan]{command:<{width}}[/]  [dim]{purpose}[/]" if purpose else f"  [cyan]{command}[/]")
    return "\n".join(["[bold]Examples[/]", *shown])


class CatalogueGroup(PlainGroup):
    """A group whose commands are the entries in its context settings' `obj`, placeholders until one is called."""

    def __init__(self, **attributes: Any) -> None:
        entries: Sequence[Entry] = attributes["context_settings"].pop("obj")
        super().__init__(**attributes)
        self.entries = {entry.name: entry for entry in entries if entry.is_there()}
        for entry in self.entries.values():
            self.commands[entry.name] = TyperCommand(entry.name, help=entry.summary, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, loaded now."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, self.entries[name].load() if name in self.entries else placeholder, rest
