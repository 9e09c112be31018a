"""`retail migrate` and `retail s3 check`."""

from __future__ import annotations

import typer

from cli.deferred import PlainCommand, PlainGroup

s3 = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    help="The object store with the raw and the processed zone.",
)


@s3.callback()
def _s3() -> None:
    pass


def migrate() -> None:
    """Bring the warehouse's schema up to date. Needs its owner: WAREHOUSE_OWNER_DSN or POSTGRES_OWNER_PASSWORD."""
    from shared.migrations import main

    raise typer.Exit(main())


@s3.command("check", cls=PlainCommand)
def check() -> None:
    """Write, read, list and delete an object in both buckets, as one upload and in parts; nothing is left behind."""
    from scripts.check_s3 import main

    raise typer.Exit(main())
