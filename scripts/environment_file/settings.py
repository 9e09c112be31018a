"""The settings that `.env` holds, selected from the registry. Python 3.8, standard library only."""

from __future__ import annotations

from scripts.environment_file.generators import GENERATORS
from shared.settings_registry.registry import SETTINGS
from shared.settings_registry.setting import Setting

KNOWN = {name: setting for name, setting in SETTINGS.items() if setting.in_env}
"""In the order of the registry, which is the order of the file."""
SECRETS = [name for name, setting in KNOWN.items() if setting.secret and setting.made]
"""The secrets that generate_env.py makes."""
MAY_BE_EMPTY = {name for name, setting in KNOWN.items() if setting.may_be_empty}


def initial_value(setting: Setting) -> str:
    """The value that a new `.env` gets: a random one where the registry says so."""
    return GENERATORS[setting.made]() if setting.made else usual_value(setting)


def example_value(setting: Setting) -> str:
    """The value in `.env.example`, which holds no secret."""
    return "" if setting.secret else usual_value(setting)


def usual_value(setting: Setting) -> str:
    """The value before any is made at random."""
    return setting.default if setting.env_value is None else setting.env_value
