"""The variables of definitions, found without a YAML library, are those that the registry finds with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.sources.references import references_in
from shared.sources.registry import load_sources
from shared.sources.variables import Variable, variables_in
from tests import shipped_sources

BLOCK_STYLE = """
id: shop  # {env: IN_A_COMMENT}
name: "Shop #1"
connector: retailer3
time_zone:
  env: SHOP_ZONE
  default: Europe/Berlin
connection:
  url:
    env: SHOP_URL
  auth:
    kind: hmac
    client_id: {default: shop, env: SHOP_CLIENT}
    secret:
      "secret": 'SHOP_KEY'
# url: {secret: NOT_USED}
"""


def written(directory: Path, **definitions: str) -> Path:
    for name, text in definitions.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return directory


def named_in(directory: Path) -> set[str]:
    """The variables of the connections, found by reading the definitions as YAML."""
    definitions = load_sources({}, directory).definitions.values()
    return {each.name for definition in definitions for each in references_in(definition.connection)}


def test_every_way_to_write_a_reference_is_found_and_comments_are_not(tmp_path: Path) -> None:
    file = f"{tmp_path.name}/shop.yaml"
    assert list(variables_in(written(tmp_path, shop=BLOCK_STYLE)).values()) == [
        Variable("SHOP_ZONE", file, is_secret=False, is_required=False),
        Variable("SHOP_URL", file, is_secret=False, is_required=True),
        Variable("SHOP_CLIENT", file, is_secret=False, is_required=False),
        Variable("SHOP_KEY", file, is_secret=True, is_required=True),
    ]
    assert named_in(tmp_path) == {"SHOP_URL", "SHOP_CLIENT", "SHOP_KEY"}  # those of its connection


def test_the_definitions_that_ship_have_the_variables_that_the_registry_reads() -> None:
    found = variables_in(shipped_sources.DIRECTORY)
    zones = {f"RETAILER{n}_TIMEZONE" for n in (1, 2, 3)}
    assert set(found) == named_in(shipped_sources.DIRECTORY) | zones
    assert {name for name, each in found.items() if not each.is_required} == zones
    assert {name for name, each in found.items() if each.is_secret} == {
        *("RETAILER1_API_KEY", "RETAILER2_CLIENT_SECRET", "RETAILER3_HMAC_SECRET")
    }


def test_a_variable_is_required_when_one_definition_has_no_default_for_it(tmp_path: Path) -> None:
    written(tmp_path, one="url: {env: URL, default: http://one}", two="url: {env: URL}")
    assert variables_in(tmp_path)["URL"] == Variable(
        "URL", f"{tmp_path.name}/one.yaml", is_secret=False, is_required=True
    )


@pytest.mark.parametrize("text", ["", "secret: {kind: x}", "auth: {kind: hmac, name: env}", "env: lower_case"])
def test_other_text_is_not_taken_for_a_reference(tmp_path: Path, text: str) -> None:
    assert variables_in(written(tmp_path, one=text)) == {}
