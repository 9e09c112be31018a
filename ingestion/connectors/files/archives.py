"""Unpacks zip archives, Excel workbooks and files of records to text files in a scratch directory.

The names in an archive never become paths. Its members are counted and measured before and while they are unpacked,
because a small archive can have a size of terabytes.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from ingestion.connectors.files.record_files import convert_records, kind_of_records
from ingestion.connectors.files.sources import StoredFile, find_files, looks_like_sales
from ingestion.connectors.files.workbooks import write_sheet
from ingestion.mapping.file_format import Format
from ingestion.mapping.layouts import SourceMapping
from shared.errors import FixConfiguration, StopRun
from shared.scratch import scratch_directory

MOST_MEMBERS = 1_000
MOST_BYTES = 8 * 1024**3
"""Unpacked, of one archive."""
MOST_BYTES_OF_WORKBOOK = 512 * 1024**2
"""Unpacked. A workbook is read in memory, and Excel's own limit is about a million rows."""
MOST_RATIO = 300
"""Unpacked by packed bytes. CSV files have some 5 to 50."""
_SMALL = 1024**2
"""Unpacked bytes below which the ratio does not matter."""
_CHUNK = 1024**2
_WORKBOOK = "xl/workbook.xml"


@dataclass(frozen=True)
class _Wanted:
    """How the files are written, and by which layout they are read."""

    layout: SourceMapping | None
    format: Format


@contextmanager
def open_files(
    sources: Sequence[str], layout: SourceMapping | None = None, sheet: str | None = None
) -> Iterator[list[StoredFile]]:
    """The files of paths, folders and globs; in place of an archive, a workbook or records the texts in it.

    They exist until the end of the block. Without a layout, `sheet` is the one of a workbook. Raises FixConfiguration
    or StopRun that name the file.
    """
    wanted = _Wanted(layout, layout.format if layout else Format(sheet=sheet))
    with scratch_directory() as directory:
        found: list[StoredFile] = []
        for file in find_files(sources):
            found += _unpacked(file, directory, wanted)
        yield [replace(file, number=number) for number, file in enumerate(found, start=1)]


def _unpacked(file: StoredFile, directory: Path, wanted: _Wanted) -> list[StoredFile]:
    if file.compression != "zip":
        return [_of_records(file, directory, wanted) if kind_of_records(file) else file]
    try:
        with zipfile.ZipFile(file.path) as archive:
            if _WORKBOOK in archive.namelist():
                _check_sizes(file, archive, MOST_BYTES_OF_WORKBOOK)
                return [_of_workbook(file, directory, wanted)]
            if file.archive is not None:
                raise FixConfiguration(f"{file.place} is an archive within an archive. Unpack it first.")
            return _members(file, archive, directory, wanted)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        file.check_unchanged()
        raise FixConfiguration(
            f"{file.place} is damaged, or packed in a way that cannot be read ({error}). Fetch it again, or pack it"
            " with zip's usual method. Nothing was loaded."
        ) from error


def _check_sizes(file: StoredFile, archive: zipfile.ZipFile, most_bytes: int) -> None:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise FixConfiguration(
            f"{file.place} has {len(members):,} files in it; at most {MOST_MEMBERS:,} are allowed. Nothing was loaded."
        )
    size = sum(member.file_size for member in members)
    if size > most_bytes:
        raise FixConfiguration(
            f"{file.place} would have {size:,} bytes unpacked; at most {most_bytes:,} are allowed. Divide it into"
            " several files. Nothing was loaded."
        )
    for member in members:
        if member.file_size > max(_SMALL, member.compress_size * MOST_RATIO):
            raise _suspicious(file, member)


def _suspicious(file: StoredFile, member: zipfile.ZipInfo) -> FixConfiguration:
    return FixConfiguration(
        f"{file.place}: {member.filename!a:.80} has more than {MOST_RATIO} times its packed size. No sales file packs"
        " so well, so it was not unpacked. Unpack it yourself if you trust it. Nothing was loaded."
    )


def _members(file: StoredFile, archive: zipfile.ZipFile, directory: Path, wanted: _Wanted) -> list[StoredFile]:
    """The files of an archive that may have sales, in name order, as in a folder."""
    _check_sizes(file, archive, MOST_BYTES)
    listed = [member for member in archive.infolist() if not member.is_dir()]
    chosen = [member for member in listed if _has_sales(PurePosixPath(member.filename))]
    if not chosen:
        names = ", ".join(f"{member.filename!a:.80}" for member in listed[:10])
        raise FixConfiguration(
            f"{file.place} has no file with sales in it; it has {names or 'nothing'}. Nothing was loaded."
        )
    found: list[StoredFile] = []
    for member in sorted(chosen, key=lambda each: each.filename):
        if member.flag_bits & 1:
            raise FixConfiguration(f"{file.place} has a password. Unpack it first. Nothing was loaded.")
        target = directory / f"{file.number}-{len(found)}-{len(listed)}.unpacked"
        with archive.open(member) as packed, target.open("wb") as out:
            _copy(file, member, packed, out)
        place = f"{file.place}/{member.filename}"
        unpacked = replace(StoredFile.of(file.number, target, place), archive=file)
        found += _unpacked(unpacked, directory, wanted)
        if sum(each.stat().st_size for each in directory.iterdir()) > MOST_BYTES:
            raise FixConfiguration(
                f"{file.place} has more than {MOST_BYTES:,} bytes unpacked. Divide it into several files."
                " Nothing was loaded."
            )
    return found


def _has_sales(path: PurePosixPath) -> bool:
    is_hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    return looks_like_sales(path.name) and not is_hidden


def _copy(file: StoredFile, member: zipfile.ZipInfo, packed: IO[bytes], out: IO[bytes]) -> None:
    """Copy a member, and stop where there is more of it than it says."""
    left = member.file_size
    while chunk := packed.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise _suspicious(file, member)
        out.write(chunk)


def _of_workbook(file: StoredFile, directory: Path, wanted: _Wanted) -> StoredFile:
    """The sheet of a workbook, as CSV. Its checksum and size are those of the workbook."""
    target = directory / f"{file.number}-{file.path.name}.sheet"
    write_sheet(file, target, wanted.layout, wanted.format)
    converted = StoredFile.of(file.number, target, file.place)
    if not converted.size_bytes:
        raise StopRun(f"{file.place} has no rows. Nothing was loaded.")
    return replace(converted, archive=file, is_converted=True)


def _of_records(file: StoredFile, directory: Path, wanted: _Wanted) -> StoredFile:
    """A file of records as rows. Its checksum and size are its own. What may be empty may be missing in all records."""
    target = directory / f"{file.number}-{file.path.name}.rows"
    records = convert_records(file, wanted.format, target, MOST_BYTES)
    layout = wanted.layout
    if layout and not layout.tables:
        optional = {name: 0 for name in layout.optional_headers if name not in records.columns}
        records = replace(records, columns={**records.columns, **optional})
    return replace(file, path=target, compression="none", archive=file, is_converted=True, records=records)
