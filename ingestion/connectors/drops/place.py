"""A place where files are dropped: what it lists, and what can be done with a file that it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from shared.errors import FixConfiguration, RetryLater
from shared.sources.file_drops import Location
from shared.streams import is_text

DONE = "done"
"""The folder, next to the files, that loaded files are moved to."""
MOST_FILES = 200_000
"""More in one folder are an error: every listing would take minutes."""
MOST_NAME_BYTES = 200
"""Of a file's name: a system's limit is 255, and a moved file has the beginning of its digest before it."""
_FAR_AWAY = datetime(2200, 1, 1, tzinfo=UTC)
_INCOMPLETE = (".part", ".partial", ".filepart", ".tmp", ".crdownload", "~")
"""How programs name a file that they are still writing, or a copy of one that is being edited."""


class FileChanged(RetryLater):
    """The file is not the one that was listed: it is still being written, was replaced, or is gone."""


@dataclass(frozen=True)
class ListedFile:
    """A file in a listing."""

    name: str
    place: str
    """Its complete name, for messages and the ledger."""
    size_bytes: int
    modified_at: datetime
    version: str
    """Differs when the file was written again, so that an unchanged one need not be fetched."""
    is_atomic: bool = False
    """Whether the system shows a file only when all of it is there."""
    problem: str | None = None
    """Why it cannot be a file of sales, whatever it contains."""


class Place(Protocol):
    """One location, connected. Every method raises RetryLater or FixConfiguration when the location does not work."""

    def list(self) -> list[ListedFile]:
        """The files whose names match, in any order."""

    def fetch(self, file: ListedFile, directory: Path) -> Path:
        """A copy of the file in the directory. Raises FileChanged."""

    def is_current(self, file: ListedFile) -> bool:
        """Whether the file is still the one that was listed."""

    def move(self, file: ListedFile, name: str) -> str:
        """Move the file to the folder `done` under that name; its new place. It can be done again."""

    def close(self) -> None:
        """Close the connection."""


def name_problem(name: str) -> str | None:
    """Why a file of that name cannot be loaded; None if it can."""
    if not is_text(name):
        return "its name is not UTF-8. Rename it"
    if len(name.encode()) > MOST_NAME_BYTES:
        return f"its name is longer than {MOST_NAME_BYTES} bytes. Rename it"
    return None if name.isprintable() else "its name contains a control character. Rename it"


def shown_name(name: str) -> str:
    """A name as messages and the ledger can have it, which PostgreSQL's texts without NUL are a part of."""
    text = name if is_text(name) else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace("\x00", "\\x00")


def time_of(seconds: float) -> datetime:
    """A time of modification. One that no clock can show, since any may be set, counts as far in the future."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return _FAR_AWAY


def is_wanted(name: str, pattern: str) -> bool:
    """Whether a name matches; hidden files, and those that a program is still writing, never do."""
    return not name.startswith(".") and not name.lower().endswith(_INCOMPLETE) and fnmatchcase(name, pattern)


def limited(files: Iterator[ListedFile], location: Location) -> list[ListedFile]:
    """All of the files. Raises FixConfiguration when there are too many."""
    found = []
    for each in files:
        found.append(each)
        if len(found) > MOST_FILES:
            raise FixConfiguration(
                f"{location.root} has more than {MOST_FILES:,} files that match {location.pattern}. Move those that are"
                " loaded somewhere else, for example with `read: {done: move}`."
            )
    return found
