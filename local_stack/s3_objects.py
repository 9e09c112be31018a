"""The bytes of S3 objects, kept in files instead of in moto's memory.

moto holds every object in a temporary file that dies with it and hands it over as one `bytes`. Here each body is a
file of its own and travels as `BytesOnDisk`, which moto can measure, slice and send without reading all of it.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import moto.s3.models as moto_models
from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from shared.directories import make_directory

CHUNK = 1024 * 1024


class BytesOnDisk:
    """A stretch of a file that looks enough like `bytes` for moto: length, slices, chunks.

    It holds the file open, so whoever is reading goes on undisturbed when the object is replaced.
    """

    def __init__(self, descriptor: _Descriptor, start: int, end: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self._end = max(start, end)

    @classmethod
    def of(cls, path: Path) -> BytesOnDisk:
        """A complete file."""
        return cls(_Descriptor(path), 0, path.stat().st_size)

    def __len__(self) -> int:
        return self._end - self._start

    def __getitem__(self, wanted: slice) -> BytesOnDisk:
        first, last, _ = wanted.indices(len(self))
        return BytesOnDisk(self._descriptor, self._start + first, self._start + last)

    def __iter__(self) -> Iterator[bytes]:
        position = self._start
        while position < self._end:
            chunk = self._descriptor.read(min(CHUNK, self._end - position), position)
            if not chunk:
                return
            position += len(chunk)
            yield chunk

    def __bytes__(self) -> bytes:
        return b"".join(self)


class _Descriptor:
    """An open file that several stretches share; closed with the last of them."""

    def __init__(self, path: Path) -> None:
        self._number = os.open(path, os.O_RDONLY)

    def read(self, length: int, position: int) -> bytes:
        return os.pread(self._number, length, position)

    def __del__(self) -> None:
        if hasattr(self, "_number"):
            os.close(self._number)


class BlobFolder:
    """Where bodies are kept: one file each under a name that is never used twice."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        make_directory(directory)

    def path(self, name: str) -> Path:
        """The file of a blob."""
        return self.directory / name[:2] / name

    def write(self, chunks: Iterator[bytes]) -> tuple[str, int, str]:
        """Store chunks as a new blob: its name, length and MD5 (S3's entity tag, no protection)."""
        name, length, digest = uuid4().hex, 0, hashlib.md5(usedforsecurity=False)
        make_directory(self.path(name).parent)
        with self.path(name).open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                length += len(chunk)
        return name, length, digest.hexdigest()

    def remove(self, name: str) -> None:
        """Remove a blob; a reader that has it open can still read it."""
        self.path(name).unlink(missing_ok=True)

    def keep_only(self, names: set[str]) -> None:
        """Remove what an interrupted upload left behind."""
        for path in self.directory.glob("*/*"):
            if path.name not in names:
                path.unlink()


class StoredKey(moto_models.FakeKey):
    """moto's object with its body in a blob file."""

    blobs: BlobFolder
    blob: str = ""

    def __new__(cls, *args: Any, **kwargs: Any) -> StoredKey:
        """Made without moto's list of all instances, which a server that runs for days would fill up."""
        return object.__new__(cls)

    def __getstate__(self) -> dict[str, Any]:
        """What moto copies when it lists versions: everything but the body, which is in its file."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_value_buffer", "lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The copy refers to the same body."""
        self.__dict__.update(state)
        self.lock = threading.Lock()

    @property  # type: ignore[override]
    def value(self) -> BytesOnDisk:
        """The body, unread."""
        return BytesOnDisk.of(self.blobs.path(self.blob))

    @value.setter
    def value(self, new_value: bytes | str | BytesOnDisk) -> None:
        self._value_buffer.close()
        before = self.blob
        if isinstance(new_value, str):
            new_value = new_value.encode()
        chunks = iter([new_value]) if isinstance(new_value, bytes) else iter(new_value)
        self.blob, self.contentsize, md5 = self.blobs.write(chunks)
        self._etag = self._etag or md5
        if before:
            self.blobs.remove(before)

    @property
    def etag(self) -> str:
        """The entity tag in quotes, as S3 sends it."""
        return f'"{self._etag}"'

    def dispose(self, garbage: bool = False) -> None:
        """The object was replaced or deleted. Its record on disk must go first, so its body stays until then."""
        if not garbage:
            discarded_blobs().append(self.blob)
        if not garbage and self.multipart:
            self.multipart.dispose()
        self.disposed = True


class StoredMultipart(moto_models.FakeMultipart):
    """moto's multipart upload, put together on disk."""

    def __new__(cls, *args: Any, **kwargs: Any) -> StoredMultipart:
        """Made without moto's list of all instances."""
        return object.__new__(cls)

    def complete(self, body: Iterator[tuple[int, str]]) -> tuple[bytes, str, None]:
        """Join the parts and remove them; raises S3's errors for parts that are missing or too small."""
        parts = self._check(list(body))
        joined = _JoinedParts(parts)
        etags = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
        etag = f"{hashlib.md5(etags, usedforsecurity=False).hexdigest()}-{len(parts)}"
        return cast(bytes, joined), etag, None

    def _check(self, listed: list[tuple[int, str]]) -> list[StoredKey]:
        if not listed:
            raise MalformedXML
        parts = []
        for number, etag in listed:
            part = self.parts.get(number)
            if part is None or part.etag.strip('"') != etag.strip('"'):
                raise InvalidPart
            parts.append(cast(StoredKey, part))
        if any(part.contentsize < S3_UPLOAD_PART_MIN_SIZE for part in parts[:-1]):
            raise EntityTooSmall
        return parts

    def dispose(self) -> None:
        """Remove the parts of an aborted or completed upload."""
        for part in self.parts.values():
            part.dispose()
        self.parts = {}


class _JoinedParts:
    """The parts of an upload, one after the other."""

    def __init__(self, parts: list[StoredKey]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            yield from part.value


class _Request(threading.local):
    def __init__(self) -> None:
        self.discarded: list[str] = []


_REQUEST = _Request()


def discarded_blobs() -> list[str]:
    """Blobs that the request of this thread made superfluous; removed after the records on disk say so too."""
    return _REQUEST.discarded


def keep_bodies_in(directory: Path) -> BlobFolder:
    """Have moto keep every body from now on below `directory`."""
    StoredKey.blobs = BlobFolder(directory)
    moto_models.FakeKey = StoredKey  # type: ignore[misc]
    moto_models.FakeMultipart = StoredMultipart  # type: ignore[misc]
    return StoredKey.blobs
