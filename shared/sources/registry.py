"""The sources of the platform: every `*.yaml` file in SOURCES_DIRECTORY.

A definition with an error, or without its secrets, makes that source fail and no other one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from shared.errors import FixConfiguration
from shared.partitions import SourceDescription
from shared.sources.connection import FILES, Connection, connect
from shared.sources.definition import SourceDefinition
from shared.sources.reading import read_definition

DIRECTORY_SETTING = "SOURCES_DIRECTORY"


@dataclass(frozen=True)
class Sources:
    """The definitions that could be read, and what is wrong with the others. Ids are in the order of the file names."""

    directory: Path = Path("sources")
    definitions: Mapping[str, SourceDefinition] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    """File name without its ending → what is wrong with the definition."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where references are looked up. It holds secrets."""

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """All ids, those of broken definitions included."""
        return tuple(sorted({*self.definitions, *self.broken}))

    def get(self, source_id: str) -> SourceDefinition:
        """One definition. Raises FixConfiguration when there is none, or when it has an error."""
        if source_id in self.broken:
            raise FixConfiguration(self.broken[source_id])
        if source_id not in self.definitions:
            raise FixConfiguration(self._unknown([source_id]))
        return self.definitions[source_id]

    def find(self, source_id: str) -> SourceDefinition | None:
        """One definition, or None when there is no valid one."""
        return self.definitions.get(source_id)

    def describe(self, source_id: str) -> SourceDescription:
        """What the manifests of a source say about it. Raises FixConfiguration as `get` does."""
        definition = self.get(source_id)
        return SourceDescription(
            name=definition.name,
            country=definition.country,
            connector=definition.connector,
            time_zone=definition.time_zone,
            currencies=definition.currencies,
            definition_digest=definition.digest,
        )

    def connect(self, source_id: str) -> Connection:
        """The connection of a source, with its secrets. Raises FixConfiguration that lists what is missing."""
        return connect(self.get(source_id), self.environ)

    def due(self, day: date) -> tuple[str, ...]:
        """The sources that a scheduled run of that date includes. A broken definition is included, so that it fails."""
        return tuple(each for each in self.ids if each in self.broken or self.definitions[each].is_due(day))

    def scheduled(self) -> tuple[str, ...]:
        """The sources of which scheduled runs expect data, whatever the date."""
        return tuple(each for each in self.ids if each in self.broken or self.definitions[each].is_scheduled)

    def enabled(self) -> tuple[str, ...]:
        """The sources that can be read, those of broken definitions included."""
        return tuple(each for each in self.ids if each in self.broken or self.definitions[each].enabled)

    def readable(self, name: str, day: date) -> SourceDefinition:
        """A source that a command looks at without landing it, disabled or not. Raises FixConfiguration as `chosen`."""
        self.check_known([name])
        definition = self.get(name)
        _check_can_be_read(definition, day, drops=False)
        return definition

    def chosen(self, names: Sequence[str] | None, day: date, *, drops: bool = True) -> tuple[str, ...]:
        """The named sources, or those that are due when none is named; with `drops` also those of dropped files.

        Raises FixConfiguration for a name that is unknown, disabled, of other files, or not begun on that date, and
        when no source is due.
        """
        if names:
            self.check_known(names)
            self.check_enabled(names)
            for definition in filter(None, map(self.find, names)):
                _check_can_be_read(definition, day, drops=drops)
            return tuple(dict.fromkeys(names))
        if not self.ids:
            raise FixConfiguration(self._empty())
        if not (due := tuple(each for each in self.due(day) if drops or each not in self.drops())):
            raise FixConfiguration(f"No source is due on {day}. See: retail sources list")
        return due

    def drops(self) -> tuple[str, ...]:
        """The enabled sources whose files are dropped in a location."""
        return tuple(name for name, each in self.definitions.items() if each.enabled and each.has_drops)

    def check_known(self, names: Iterable[str]) -> None:
        """Raises FixConfiguration unless every name is that of a source."""
        if unknown := sorted(set(names) - set(self.ids)):
            raise FixConfiguration(self._unknown(unknown))

    def check_enabled(self, names: Iterable[str]) -> None:
        """Raises FixConfiguration when one of the sources is disabled. A name without a definition is not."""
        if disabled := [each for each in names if (known := self.find(each)) and not known.enabled]:
            raise FixConfiguration(
                f"{', '.join(disabled)} is disabled. Set `enabled: true` in {self.directory}/{disabled[0]}.yaml."
            )

    def _unknown(self, names: Sequence[str]) -> str:
        known = f"Known: {', '.join(self.ids)}" if self.ids else self._empty()
        return f"Unknown retailer: {', '.join(names)}. {known}. A source is a file {self.directory}/<id>.yaml."

    def _empty(self) -> str:
        return f"There is no source in {self.directory}. Add a file <id>.yaml to it (docs/SOURCES.md)"


def _check_can_be_read(definition: SourceDefinition, day: date, *, drops: bool) -> None:
    if definition.connector == FILES and not (drops and definition.has_drops):
        one = definition.id
        command = f"retail sources load {one}" if definition.has_drops else f"retail etl --source FILE --retailer {one}"
        raise FixConfiguration(f"{one} is a source of files. Load them: {command}")
    definition.check_covers(day)


def load_sources(environ: Mapping[str, str], directory: Path) -> Sources:
    """Read all definitions in the directory. Never raises for a wrong definition: it is in `broken`."""
    definitions: dict[str, SourceDefinition] = {}
    broken: dict[str, str] = {}
    for path in sorted(directory.glob("[!.]*.yaml")):  # hidden files are an editor's or a system's
        try:
            definitions[path.stem] = read_definition(path, environ)
        except FixConfiguration as error:
            broken[os.fsencode(path.stem).decode("utf-8", "backslashreplace")] = str(error)
    for path in sorted(directory.glob("[!.]*.yml")):
        broken.setdefault(path.stem, f"{path}: name the file {path.stem}.yaml; other endings are not read.")
    return Sources(directory, definitions, broken, dict(environ))
