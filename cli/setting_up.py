"""`retail migrate`: the warehouse's schema."""

from __future__ import annotations

import typer


def migrate() -> None:
    """Bring the warehouse's schema up to date. Needs the owner's rights: WAREHOUSE_OWNER_DSN."""
    from shared.migrations import main

    raise typer.Exit(main())
