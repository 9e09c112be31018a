"""Files that are dropped in a folder of this machine."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ingestion.connectors.drops.place import (
    DONE,
    FileChanged,
    ListedFile,
    is_wanted,
    limited,
    name_problem,
    shown_name,
    time_of,
)
from shared.errors import FixConfiguration
from shared.scratch import unwritable
from shared.sources.file_drops import Location

_CHUNK = 1024 * 1024


class FolderPlace:
    """A folder. Links in it are not followed: whoever may write to it could have any file of this machine loaded."""

    def __init__(self, location: Location, base: Path) -> None:
        """`base` is where a relative folder begins."""
        self._location = location
        self._folder = base / Path(location.folder).expanduser()

    def list(self) -> list[ListedFile]:
        """As in `Place`."""
        try:
            with os.scandir(self._folder) as entries:
                return limited(self._listed(entries), self._location)
        except OSError as error:
            raise FixConfiguration(
                f"The folder {self._folder} cannot be listed: {error.strerror}. Create it, or correct"
                " `connection.location`; in containers it has to be mounted."
            ) from error

    def fetch(self, file: ListedFile, directory: Path) -> Path:
        """A copy: a load reads a file more than once, and whoever dropped it may replace it meanwhile."""
        path = directory / file.name
        try:
            with _open(self._folder / file.name) as dropped, path.open("wb") as copy:
                if self._version(os.fstat(dropped.fileno())) != file.version:
                    raise _changed(file)
                _copy(dropped, copy, file.size_bytes)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):  # it is gone, or a link now
                raise _changed(file) from error
            if full := unwritable(error):
                raise full from error
            raise FixConfiguration(f"{file.place} cannot be read: {error.strerror}. Correct its rights.") from error
        self._check_current(file)
        return path

    def is_current(self, file: ListedFile) -> bool:
        """As in `Place`."""
        try:
            return self._version((self._folder / file.name).lstat()) == file.version
        except OSError:
            return False

    def move(self, file: ListedFile, name: str) -> str:
        """As in `Place`."""
        self._check_current(file)
        target = self._folder / DONE / name
        try:
            target.parent.mkdir(exist_ok=True)
            (self._folder / file.name).replace(target)
        except OSError as error:
            raise FixConfiguration(
                f"{file.place} is loaded, but cannot be moved to {target.parent}: {error.strerror}. Allow this user to"
                " write there, or use `read: {done: keep}`."
            ) from error
        return str(target)

    def close(self) -> None:
        """Nothing is open."""

    def _check_current(self, file: ListedFile) -> None:
        if not self.is_current(file):
            raise _changed(file)

    def _listed(self, entries: Iterator[os.DirEntry[str]]) -> Iterator[ListedFile]:
        for entry in entries:
            if not is_wanted(entry.name, self._location.pattern) or entry.is_dir():
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # it was removed meanwhile
            name = shown_name(entry.name)
            yield ListedFile(
                name=name,
                place=f"{self._folder}/{name}",
                size_bytes=found.st_size,
                modified_at=time_of(found.st_mtime),
                version=self._version(found),
                problem=name_problem(entry.name) or _problem(found.st_mode),
            )

    def _version(self, found: os.stat_result) -> str:
        return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def _open(path: Path) -> BinaryIO:
    """Not a link, which may have been put there since the listing, and without waiting for the writer of a pipe."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _copy(dropped: BinaryIO, copy: BinaryIO, size: int) -> None:
    """Copy so many bytes; a file that grows as fast as it is read has an end, too."""
    while size > 0 and (chunk := dropped.read(min(size, _CHUNK))):
        copy.write(chunk)
        size -= len(chunk)


def _changed(file: ListedFile) -> FileChanged:
    return FileChanged(f"{file.place} has changed since it was listed. The next run looks at it again.")


def _problem(mode: int) -> str | None:
    if stat.S_ISLNK(mode):
        return "it is a link. Put the file itself into the folder"
    return None if stat.S_ISREG(mode) else "it is not a regular file"
