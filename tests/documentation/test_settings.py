"""The registry of settings, the code, the compose files and what is generated from the registry agree."""

from __future__ import annotations

import pytest

from cli.configuration import NAMES, masked
from scripts.environment_file.generators import GENERATORS
from scripts.environment_file.text import completed
from scripts.write_settings_docs import settings_page
from shared.config import PROJECT_ROOT, known_names
from shared.settings_registry.registry import SECTIONS, SETTINGS
from shared.settings_registry.setting import READERS, Setting
from tests.documentation.settings_in_code import (
    FOREIGN,
    Read,
    defaults_in_settings,
    names_used,
    reads_in_compose_files,
    reads_in_python,
)

OWN_DEFAULTS = {("retailers/serving/settings.py", "PORT")}
"""Each retailer has a port of its own."""


def is_secret_file(name: str) -> bool:
    setting = SETTINGS.get(name.removesuffix("_FILE"))
    return name.endswith("_FILE") and setting is not None and setting.secret


def test_every_variable_that_is_used_is_in_the_registry() -> None:
    used = {name for name in names_used() if not is_secret_file(name)}
    assert used - set(SETTINGS) - FOREIGN == set(), "add an entry to shared/settings_registry/"


def test_every_setting_of_the_registry_is_used() -> None:
    assert set(SETTINGS) - names_used() == set(), "nothing reads them: remove their entries"


@pytest.mark.parametrize(
    "read",
    [each for each in [*reads_in_python(), *reads_in_compose_files(), *defaults_in_settings()] if each.default],
    ids=lambda read: f"{read.path}-{read.name}",
)
def test_the_default_of_a_setting_is_the_same_everywhere(read: Read) -> None:
    if (read.path, read.name) in OWN_DEFAULTS or is_secret_file(read.name):
        return
    assert _comparable(read.default or "") == _comparable(SETTINGS[read.name].default)


def _comparable(value: str) -> str:
    try:
        return str(float(value))
    except ValueError:
        return value


def test_names_are_unique_and_sections_too() -> None:
    assert len(SETTINGS) == sum(len(section.settings) for section in SECTIONS)
    assert len({section.title for section in SECTIONS}) == len(SECTIONS)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=lambda setting: setting.name)
def test_an_entry_is_complete_and_a_secret_has_no_default(setting: Setting) -> None:
    assert setting.meaning.endswith("."), "a sentence"
    assert "|" not in setting.meaning
    assert not (setting.secret and (setting.default or setting.env_value))
    assert setting.made in {"", *GENERATORS}
    section = next(each for each in SECTIONS if setting in each.settings)
    assert set((setting.read_by or section.read_by).split(", ")) <= set(READERS)


@pytest.mark.parametrize(
    ("path", "text"), [(".env.example", completed("", example=True)), ("docs/SETTINGS.md", settings_page())]
)
def test_what_is_generated_from_the_registry_is_up_to_date(path: str, text: str) -> None:
    assert (PROJECT_ROOT / path).read_text(encoding="utf-8") == text, "run: make settings"


def test_the_retail_command_shows_every_setting_that_the_stages_load() -> None:
    assert known_names() <= NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_retail_command_masks_every_secret_of_the_registry(name: str) -> None:
    assert ("k3y" not in masked(name, "k3y")) is SETTINGS[name].secret
