"""The `retail` command. `cli/command_list.py` lists its commands; each is imported when it is used."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli.command_list import COMMANDS, EPILOG
from cli.deferred import CatalogueGroup
from shared.errors import describe_error
from shared.streams import is_text, prepare_streams
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
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            help="Show the log on standard error. Without it, the log goes to RETAIL_LOG_FILE, by default"
            " .local/logs/retail.log in a checkout.",
        ),
    ] = False,
) -> None:
    """Load retail sales from APIs and CSV files into one star schema, with every record and cent reconciled."""
    from shared.logs import configure_logging

    if verbose:
        os.environ.setdefault("LOG_LEVEL", "INFO")  # commands configure logging again for themselves
    configure_logging()


def main() -> None:
    """Run the command line. A defect prints one line and exits with 1; RETAIL_TRACEBACK=1 shows its traceback."""
    prepare_streams()
    if wrong := [each for each in sys.argv[1:] if not is_text(each)]:
        sys.stderr.write(f"{wrong[0]!a} is not UTF-8. Rename the file or folder, or type the text again.\n")
        sys.exit(2)
    try:
        app(prog_name="retail")
    except Exception as error:
        if os.environ.get("RETAIL_TRACEBACK"):
            raise
        sys.stderr.write(
            f"Internal error: {describe_error(error)}\n"
            "Please report it. To see the traceback, set RETAIL_TRACEBACK=1 and run the command again.\n"
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
