"""`retail config check`: the effective settings, their origin, and what is missing. Secrets are masked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import typer
from rich.table import Table

from cli.deferred import PlainCommand, PlainGroup
from cli.sources import status_of
from monitoring.alerts.channels import parse_channels
from monitoring.alerts.delivery import checked_channels
from shared.commands import JsonOption, console, exit_code, print_json
from shared.config import load_settings, read_environment, read_sources
from shared.database import describe_dsn
from shared.errors import FixConfiguration
from shared.settings_registry.registry import SETTINGS, names_read_by
from shared.settings_registry.setting import AIRFLOW, PIPELINE
from shared.terminal_text import escape
from shared.urls import shown_value

app = typer.Typer(
    cls=PlainGroup, no_args_is_help=True, add_completion=False, help="The effective settings, with secrets masked."
)
NAMES = names_read_by(PIPELINE, AIRFLOW)
"""The settings that are shown when they have a value."""
MASK = "********"


@dataclass(frozen=True)
class Setting:
    """An effective setting."""

    name: str
    value: str
    """The value to show, masked if secret."""
    origin: str
    """`environment`, `.env`, or `file` where NAME_FILE names it."""


@app.callback()
def _config() -> None:
    pass


@app.command("check", cls=PlainCommand)
def check(as_json: JsonOption = False) -> None:
    """Show the effective settings, and what is missing or wrong. Exits with 2 when something is.

    That includes enabled sources with an error in the definition, or without a variable that it names.
    """
    with exit_code():
        environ = read_environment()
        settings = effective_settings(environ)
        problems = configuration_errors()
        of_sources = source_problems(environ)
        wrong = [*problems, *filter(None, of_sources.values())]
        if as_json:
            shown = {each.name: {"value": each.value, "from": each.origin} for each in settings}
            print_json({"ok": not wrong, "settings": shown, "problems": problems, "sources": of_sources})
        else:
            console().print(_table(settings))
        for problem in wrong:
            typer.echo(problem, err=True)
        if not as_json and not wrong:
            typer.echo("Nothing is missing.")
        raise typer.Exit(2 if wrong else 0)


def source_problems(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Every source, and what is missing or wrong; None where it can be read, or is disabled."""
    sources = read_sources(environ)
    return {each: status_of(sources, each).problem for each in sources.ids}


def effective_settings(environ: Mapping[str, str]) -> list[Setting]:
    """The platform's settings that have a value, by name; no secret is in them."""
    return [Setting(name, masked(name, environ[name]), _origin(name)) for name in sorted(NAMES) if environ.get(name)]


def masked(name: str, value: str) -> str:
    """The value to show: a DSN without its password, channels without their URLs, other secrets masked."""
    if name.endswith("_DSN"):
        return describe_dsn(value) if value.startswith(("postgresql://", "postgres://")) else MASK
    if name == "ALERT_CHANNELS":
        return ", ".join(f"{each.name} from {each.least}" for each in parse_channels(value)[0])
    if SETTINGS[name].secret:
        return MASK
    return shown_value(value) if "://" in value or name.endswith("_URL") else value


def _origin(name: str) -> str:
    if os.environ.get(name):
        return "environment"
    return "file" if read_environment().get(f"{name}_FILE") else ".env"


def configuration_errors() -> list[str]:
    """What is missing or wrong, as the error messages that commands would show."""
    checks: list[Callable[[], object]] = [load_settings]
    if read_environment().get("ALERT_CHANNELS"):
        checks.append(checked_channels)
    problems = _bucket_problems(read_environment())
    for each in checks:
        try:
            each()
        except FixConfiguration as error:
            problems.append(str(error))
    return problems


def _bucket_problems(environ: Mapping[str, str]) -> list[str]:
    """Two zones in one bucket: whoever may read the processed zone could then read the rejected records, too."""
    raw, processed = (environ.get(name, "").strip() for name in ("S3_BUCKET_RAW", "S3_BUCKET_PROCESSED"))
    if not raw or raw != processed:
        return []
    return [
        f"S3_BUCKET_RAW and S3_BUCKET_PROCESSED both name the bucket {raw}. Set one of them to another bucket, so that"
        " access to the processed zone gives none to the raw zone and its rejected records."
    ]


def _table(settings: list[Setting]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("setting", "from"):
        table.add_column(name, no_wrap=True)
    table.add_column("value", overflow="fold")
    for each in settings:
        table.add_row(each.name, each.origin, escape(each.value))
    return table
