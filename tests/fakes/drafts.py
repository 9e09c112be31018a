"""Drafts of definitions from the content of a file, and what their mappings make of the same file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingestion.connectors.files.sources import StoredFile
from ingestion.drafting.draft import Wanted, draft
from ingestion.drafting.entries import Draft
from ingestion.drafting.read_file import read_file
from ingestion.drafting.render import render
from ingestion.mapping.layouts import SourceMapping, mapping_of
from ingestion.mapping.workspace import workspace
from shared.sources.reading import read_definition
from tests.fakes.csv_sources import Outcome, reading


@dataclass(frozen=True)
class Drafted:
    """A draft, and the YAML that it is written as."""

    file: Path
    draft: Draft
    text: str

    @property
    def columns(self) -> dict[str, object]:
        """Field → where it comes from."""
        return {entry.key: entry.value for entry in self.draft.columns}

    @property
    def marked(self) -> list[str]:
        """The keys that a user has to look at."""
        parts = (*self.draft.head, *self.draft.format, *self.draft.columns, *self.draft.missing)
        return [entry.key for entry in parts if entry.checks]

    def checks(self, key: str) -> str:
        """Why a key is marked."""
        parts = (*self.draft.head, *self.draft.format, *self.draft.columns, *self.draft.missing)
        return " ".join(" ".join(entry.checks) for entry in parts if entry.key == key)

    def notes(self, key: str) -> str:
        """The evidence for a key."""
        parts = (*self.draft.head, *self.draft.format, *self.draft.columns)
        return " ".join(" ".join(entry.notes) for entry in parts if entry.key == key)

    def mapping(self) -> SourceMapping:
        """The mapping of the definition, which is written next to the file, and read as any other is."""
        path = self.file.with_name(f"{self.draft.source_id}.yaml")
        path.write_text(self.text, encoding="utf-8")
        return mapping_of(read_definition(path, {}))

    @contextmanager
    def loaded(self) -> Iterator[Outcome]:
        """The file, read with the drafted mapping."""
        with reading(self.file, layout=self.mapping()) as outcome:
            yield outcome


def drafted(file: Path, time_zone: str | None = None, currency: str | None = None, source_id: str = "shop") -> Drafted:
    """A draft from a file."""
    sample, dialect = read_file(StoredFile.of(1, file))
    with workspace() as connection:
        found = draft(connection, sample, file.name, Wanted(source_id, time_zone, currency), dialect)
    return Drafted(file, found, render(found))
