"""The stages as commands in containers."""

from __future__ import annotations

from datetime import date

from tests.containers.project import Completed, Project

EVERYONE = {"retailer_1", "retailer_2", "retailer_3"}
OUTLET = "outlet_shop"
"""A source that tests add: a second one at retailer 1's API."""
STAGES = [
    ("ingestion", "ingestion.main"),
    ("transformation", "transformation.main"),
    ("data-quality", "data_quality.main"),
]
LOADED = "SELECT DISTINCT retailer_id FROM ops.load_ledger WHERE business_date = %s"


def stage(platform: Project, service: str, module: str, *arguments: str, check: bool = True) -> Completed:
    """A stage with the command that users type, without starting its dependencies again."""
    return platform.compose("run", "--rm", "--no-deps", service, "python", "-m", module, *arguments, check=check)


def loaded(platform: Project, day: date) -> set[str]:
    return {name for (name,) in platform.warehouse(LOADED, day)}


def define(platform: Project, name: str, **variables: str) -> None:
    """Add a definition like retailer_1's, with other variables in place of its own."""
    text = (platform.directory / "sources" / "retailer_1.yaml").read_text(encoding="utf-8")
    for old, new in {"id: retailer_1": f"id: {name}", **variables}.items():
        text = text.replace(old, new)
    (platform.directory / "sources" / f"{name}.yaml").write_text(text, encoding="utf-8")
