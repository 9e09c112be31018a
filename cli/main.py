"""The `retail` command. What it offers stands in `cli/command_list.py`; each command is loaded when it is used."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli.command_list import COMMANDS, EPILOG
from cli.deferred import CatalogueGroup
from shared.version import CODE_VERSION

app = typer.Typer(
    name="retail",
    cls=CatalogueGroup,
    context_settings={"help_option_names": ["-h", "--help"], "obj": COMMANDS},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=EPILOG,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"retail {CODE_VERSION}")
        raise typer.Exit


@app.callback()
def retail(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Retail sales from shops' systems and CSV files into one star schema, every record and cent accounted for."""


def main() -> None:
    """Run the command line. A defect ends in one line and exit code 1; RETAIL_TRACEBACK=1 shows where it is."""
    try:
        app(prog_name="retail")
    except Exception as error:
        if os.environ.get("RETAIL_TRACEBACK"):
            raise
        sys.stderr.write(
            f"retail met a defect: {type(error).__name__}: {' '.join(str(error).split())}\n"
            "Set RETAIL_TRACEBACK=1 to see where, and please report it.\n"
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
