"""The tables of the documents agree with the code they describe."""

from __future__ import annotations

import re

from scripts.contract_table import as_markdown, contract_rows
from shared.config import PROJECT_ROOT
from shared.partitions import Manifest, RequestWindow
from tests.documentation.documents import read, table_after
from tests.documentation.settings_in_code import vendor_names
from tests.project_files import project_files

ARCHITECTURE = "docs/ARCHITECTURE.md"


def names_in_first_column(document: str, marker: str) -> list[str]:
    return [name for row in table_after(document, marker) for name in re.findall(r"`([^`]+)`", row[0])]


def test_the_contract_is_shown_as_the_model_has_it() -> None:
    assert table_after(ARCHITECTURE, "contract") == contract_rows(), f"paste this:\n{as_markdown()}"


def test_every_field_of_the_manifest_is_shown_in_its_order() -> None:
    shown = names_in_first_column(ARCHITECTURE, "manifest")
    assert shown == list(Manifest.model_fields)
    assert all(f"`{name}`" in read(ARCHITECTURE) for name in RequestWindow.model_fields)


def test_every_table_and_view_of_the_warehouse_is_shown_with_its_grain() -> None:
    files = [
        *(PROJECT_ROOT / "database" / "init").glob("*.sql"),
        *(PROJECT_ROOT / "database" / "migrations").glob("*.sql"),
    ]
    ddl = "".join(path.read_text(encoding="utf-8") for path in files)
    made = set(
        re.findall(r"^CREATE (?:TABLE|MATERIALIZED VIEW) (?:public\.|ops\.(?=mv_))?([\w.]+)", ddl, flags=re.MULTILINE)
    )
    assert set(names_in_first_column(ARCHITECTURE, "tables")) == made


def test_every_folder_of_the_project_is_shown() -> None:
    folders = {f"{path.partition('/')[0]}/" for path in project_files() if "/" in path and not path.startswith(".")}
    assert set(names_in_first_column(ARCHITECTURE, "folders")) == folders


def test_every_setting_of_the_retailers_is_in_their_own_documentation() -> None:
    assert {name for name in vendor_names() if f"`{name}`" not in read("docs/RETAILERS.md")} == set()
