"""Finds the files that paths, folders and globs name, and checks each one before it is read."""

from __future__ import annotations

import glob
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any, Self, cast

from ingestion.connectors.files.parsed_rows import ParsedRows
from shared.errors import FixConfiguration, StopRun
from shared.regular_files import open_regular
from shared.streams import is_text

_ENDINGS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
_PACKED = (".zip", ".xlsx", ".parquet")
"""Files that are packed by their kind."""
_COMPRESSED = ("", ".gz", ".zst")
_MAGIC = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd", "zip": b"PK\x03\x04"}
_CHUNK = 1024 * 1024
_SECONDS_BETWEEN_LOOKS = 0.2
_OTHER_KINDS = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database",
    b"\x7fELF": "a program",
    b"\x89PNG": "a picture",
}


@dataclass(frozen=True)
class SourceFile:
    """A file that was read. `number` counts from 1 in the order of reading; `sha256` is of the bytes as stored."""

    number: int
    name: str
    path: str
    sha256: str
    size_bytes: int
    rows: int
    encoding: str
    delimiter: str
    compression: str
    """`none`, `gzip`, `zstd` or `zip`, by content."""


@dataclass(frozen=True)
class FileStats:
    """Facts from one pass over a file's bytes, independent of how it is parsed."""

    sha256: str
    """SHA-256 of the bytes as stored."""
    lines: int
    """Lines of the unpacked text, including a last one without a line end."""


@dataclass(frozen=True)
class StoredFile:
    """A file before it is read, with its size and times at that point."""

    number: int
    path: Path
    compression: str
    size_bytes: int
    modified_ns: int
    changed_ns: int
    """When the system last changed anything of it. Unlike the time of modification, no program can set it back."""
    inode: int
    place: str
    """Its path as messages name it; of a file in an archive, the archive's and its own."""
    archive: StoredFile | None = None
    """The archive or workbook from which this file was unpacked."""
    is_converted: bool = False
    """Whether the archive is a workbook or a file of records, and this file its rows."""
    records: ParsedRows | None = None
    """The rows of a file of records. Else the file is text that has to be parsed."""

    @classmethod
    def of(cls, number: int, path: Path, place: str | None = None) -> Self:
        """Raises FixConfiguration if the file cannot be CSV: missing, not regular, empty, or of another known kind."""
        if not is_text(str(path)):
            raise FixConfiguration(f"{str(path)!a} has a name that is not UTF-8. Rename it. Nothing was loaded.")
        try:
            with open_regular(path) as stream:
                stat = os.fstat(stream.fileno())
                start = stream.read(16)
        except OSError as error:
            raise FixConfiguration(f"{path} cannot be read: {error.strerror}.") from error
        place = place or str(path)
        if not start:
            raise FixConfiguration(f"{place} is empty (0 bytes). Nothing was loaded.")
        for magic, kind in _OTHER_KINDS.items():
            if start.startswith(magic):
                raise FixConfiguration(f"{place} is {kind}, not a CSV file. Export it as CSV first.")
        compression = next((kind for kind, magic in _MAGIC.items() if start.startswith(magic)), "none")
        times = stat.st_mtime_ns, stat.st_ctime_ns
        return cls(number, path, compression, stat.st_size, *times, stat.st_ino, place)

    @property
    def name(self) -> str:
        """Base name, as messages show it; of a file in an archive, also the archive's."""
        if self.archive is None:
            return self.path.name
        return self.archive.name + self.place.removeprefix(self.archive.place)

    @property
    def identity(self) -> StoredFile:
        """The file whose checksum and size are those of this one: of a sheet, the workbook."""
        return self.archive if self.archive is not None and self.is_converted else self

    def check_unchanged(self) -> None:
        """Raises StopRun if the file was modified since it was found."""
        if self.archive is not None:
            self.archive.check_unchanged()
            return
        try:
            now = StoredFile.of(self.number, self.path)
        except FixConfiguration:
            now = replace(self, inode=-1)
        if now != self:
            raise StopRun(f"{self.place} changed while it was read. Nothing was loaded; run again when it is complete.")

    @contextmanager
    def watched(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Call `interrupt` if the file changes during the block.

        For a reader that follows a file to its end: one that grows as fast as it is read has none.
        """
        ended = Event()

        def watch() -> None:
            while not ended.wait(_SECONDS_BETWEEN_LOOKS):
                if not self._is_unchanged():
                    interrupt()

        watcher = Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def _is_unchanged(self) -> bool:
        try:
            stat = self.path.stat()
        except OSError:
            return False
        found = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        return found == (self.size_bytes, self.modified_ns, self.changed_ns, self.inode)

    @contextmanager
    def unpacked(self) -> Iterator[IO[bytes]]:
        """The file's bytes, unpacked, up to the size that it has now. Raises StopRun if it cannot be opened."""
        with self.stored() as stored:
            if self.compression == "gzip":
                with gzip.GzipFile(fileobj=stored) as unpacked:
                    yield cast("IO[bytes]", unpacked)
            elif self.compression == "zstd":
                import pyarrow

                stream: Any = pyarrow.CompressedInputStream(stored, "zstd")
                with io.BufferedReader(stream) as unpacked:
                    yield unpacked
            else:
                yield stored

    def stored(self) -> io.BufferedReader:
        """The file's bytes as stored. Raises StopRun if it cannot be opened."""
        try:
            return open_regular(self.path)
        except OSError as error:
            raise StopRun(
                f"{self.place} cannot be read any more: {error.strerror}. Nothing was loaded; run again when it is"
                " complete."
            ) from error

    def stats(self) -> FileStats:
        """Checksum and number of lines of the complete file.

        Raises StopRun when its compressed data is cut off, or when the file is replaced or removed meanwhile.
        """
        digest = hashlib.sha256()
        plain = _LineCount()
        with self.stored() as stored:
            while chunk := stored.read(_CHUNK):
                digest.update(chunk)
                if self.compression == "none":
                    plain.add(chunk)
        if self.compression != "none":
            try:
                with self.unpacked() as stream:
                    while chunk := stream.read(_CHUNK):
                        plain.add(chunk)
            except (EOFError, OSError, zlib.error) as error:
                self.check_unchanged()
                raise StopRun(
                    f"{self.place} ends early or is damaged: its {self.compression} data cannot be unpacked to its end."
                    " Nothing was loaded; fetch it again."
                ) from error
        if self.identity is not self:
            with self.identity.stored() as stored:
                digest = hashlib.file_digest(stored, "sha256")
        return FileStats(digest.hexdigest(), plain.lines)


class _LineCount:
    def __init__(self) -> None:
        self._ends, self._last = 0, b"\n"

    def add(self, chunk: bytes) -> None:
        self._ends += chunk.count(b"\n")
        self._last = chunk[-1:]

    @property
    def lines(self) -> int:
        return self._ends + (self._last != b"\n")


def find_files(sources: Sequence[str]) -> list[StoredFile]:
    """The files of paths, folders and globs, each once, sorted by name within a folder or glob.

    Raises FixConfiguration that names a source without any file.
    """
    paths: list[Path] = []
    for source in sources:
        paths += [path for path in _expand(source) if path not in paths]
    if not paths:
        raise FixConfiguration("No file was given. Give a CSV file, a folder of them, or a glob such as 'sales/*.csv'.")
    return [StoredFile.of(number, path) for number, path in enumerate(paths, start=1)]


def _expand(source: str) -> list[Path]:
    if not source.strip():  # Path("") is the working directory
        raise FixConfiguration("The name of a source is empty: a variable in the command may not be set.")
    try:
        found = _in_folder(Path(source)) if Path(source).is_dir() else _matching(source)
    except OSError as error:
        raise FixConfiguration(f"{source} cannot be read: {error.strerror}.") from error
    return found


def _in_folder(folder: Path) -> list[Path]:
    """What looks like a CSV file, including entries that are not files: a broken link is an error, not a file less."""
    found = sorted(
        entry
        for entry in folder.iterdir()
        if looks_like_sales(entry.name) and (entry.is_file() or not (entry.is_dir() or entry.name.startswith(".")))
    )
    if not found:
        raise FixConfiguration(
            f"The folder {folder} contains no file with sales"
            f" ({', '.join('*' + ending for ending in _ENDINGS)}, also .gz and .zst;"
            f" {', '.join('*' + ending for ending in _PACKED)})."
        )
    return found


def _matching(source: str) -> list[Path]:
    path = Path(source)
    if path.exists() or path.is_symlink():
        return [path]
    found = sorted(Path(name) for name in glob.glob(os.path.expanduser(source)) if not Path(name).is_dir())  # noqa: PTH111, PTH207 - absolute patterns too
    if not found:
        what = "No file matches" if glob.has_magic(source) else "There is no file"
        raise FixConfiguration(f"{what} {source}.")
    return found


def looks_like_sales(name: str) -> bool:
    """Whether a file of a folder is read, by its name."""
    lower = name.lower()
    return (lower.endswith(_PACKED) and not lower.startswith("~$")) or any(
        lower.endswith(ending + packed) for ending in _ENDINGS for packed in _COMPRESSED
    )
