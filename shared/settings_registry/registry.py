"""Every setting of the platform: name, default, meaning, whether it is secret, and which programs read it.

`.env`, `.env.example` and docs/SETTINGS.md are written from it (`make settings`); tests compare it with the code and
with the compose files. Python 3.8, standard library only: scripts/generate_env.py runs before anything is installed.
"""

from __future__ import annotations

from shared.settings_registry import pipeline, platform

SECTIONS = (
    platform.COMPOSE,
    pipeline.WAREHOUSE,
    pipeline.STORAGE,
    pipeline.SOURCES,
    *pipeline.RETAILER_SECTIONS,
    platform.SANDBOX,
    platform.AIRFLOW_SECTION,
    platform.WORKERS,
    platform.MONITORING,
    pipeline.ALERTS,
    pipeline.BEHAVIOUR,
    pipeline.LINEAGE,
    platform.LOCAL_PLATFORM,
    platform.SIMULATION,
)
SETTINGS = {setting.name: setting for section in SECTIONS for setting in section.settings}


def names_read_by(*programs: str) -> frozenset[str]:
    """The settings that at least one of these programs reads (see `shared.settings_registry.setting.READERS`)."""
    return frozenset(
        setting.name
        for section in SECTIONS
        for setting in section.settings
        if not set(programs).isdisjoint((setting.read_by or section.read_by).split(", "))
    )


def default_of(name: str) -> str:
    """The value where the variable is unset; empty when there is none."""
    return SETTINGS[name].default
