"""Write `.env.example` and docs/SETTINGS.md from the registry of settings: `make settings`."""

from __future__ import annotations

from pathlib import Path

from scripts.environment_file.text import completed
from shared.settings_registry.registry import SECTIONS
from shared.settings_registry.setting import Section, Setting

PROJECT_ROOT = Path(__file__).resolve().parent.parent
INTRODUCTION = """\
# Settings

<!-- Written by `make settings` from shared/settings_registry/. Edit that, then run the command. -->

Every command reads its settings from the environment first, then from the file `.env` in the project's root.
Everything that is missing or wrong is reported at once. `retail config check` shows the settings that have a value,
and where each comes from.

- **Local platform.** `make up` needs no settings. It makes its own passwords and writes `.local/env`; after
  `source .local/env` a shell uses them. They win over `.env`.
- **Containers, or a platform of your own.** `python3 scripts/generate_env.py` writes a `.env` with random secrets.
  It adds what is missing and keeps what is there. `.env.example` shows the file without secrets.
- **Sources.** The definitions in `sources/` name the variables that they need: `{env: NAME}`, `{secret: NAME}`. Their
  values belong into `.env`, too. `generate_env.py` adds a line for each, and writes `sources.env` for the containers,
  with these variables and every `INGEST_` setting. Run it again after a change ([SOURCES.md](SOURCES.md)).
- **Secrets in files.** The pipeline and the simulated retailers accept `NAME_FILE` in place of `NAME`: the path of a
  regular file that holds the value, not of a pipe or a device. `python3 scripts/generate_env.py --secret-files` moves
  the secrets to files ([SECURITY.md](SECURITY.md)).

A secret has no default. "Random in `.env`" means that `generate_env.py` makes the value."""


def main() -> None:
    """Write both files."""
    for path, text in ((".env.example", completed("", example=True)), ("docs/SETTINGS.md", settings_page())):
        (PROJECT_ROOT / path).write_text(text, encoding="utf-8")
        print(f"{path} written")


def settings_page() -> str:
    """The text of docs/SETTINGS.md."""
    return "\n\n".join([INTRODUCTION, *map(_section, SECTIONS)]) + "\n"


def _section(section: Section) -> str:
    rows = [_row(setting, setting.read_by or section.read_by) for setting in section.settings]
    note = section.note[0].upper() + section.note[1:] if not section.note.startswith("retail_") else section.note
    return "\n".join(
        [
            f"## {section.title}",
            "",
            f"{note}.",
            "",
            "| setting | default | meaning | read by |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _row(setting: Setting, read_by: str) -> str:
    marked = f"`{setting.name}`" + (" (secret)" if setting.secret else "")
    return f"| {marked} | {_default(setting)} | {setting.meaning} | {read_by} |"


def _default(setting: Setting) -> str:
    if setting.made:
        return "random in `.env`"
    if setting.env_value is not None:
        return f"{setting.default or 'none'}; in `.env`: {setting.env_value}"
    return setting.default


if __name__ == "__main__":
    main()
