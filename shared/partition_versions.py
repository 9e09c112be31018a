"""Which version of a raw partition readers get: also while it is replaced, and after a landing that was killed.

A landing writes several objects: data, rejected records, and the manifest last. Until the new manifest is written,
readers need what the old one describes. A landing therefore first copies those objects to `raw_history/`, and removes
the copies after the manifest. A copy is named after its checksum, and readers compare it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Protocol

from shared.errors import RetailError
from shared.logs import get_logger
from shared.partitions import (
    Manifest,
    history_key,
    history_prefix,
    manifest_key,
    partition_prefix,
    read_manifest_of,
    rejected_key,
)
from shared.s3_client import Bucket
from shared.s3_errors import ObjectMissing

_log = get_logger(__name__)


class Readable(Protocol):
    """What readers need of the raw bucket (`shared.s3_client.Bucket`)."""

    def read(self, key: str) -> bytes:
        """The object's content. Raises ObjectMissing."""

    def download(self, key: str, path: Path) -> str:
        """Write the object to `path` and return its sha256 in hex. Raises ObjectMissing."""


def find_manifest(bucket: Readable, retailer_id: str, day: date) -> Manifest | None:
    """The manifest of a raw partition; None if there is none, none that can be read, or that of another partition."""
    try:
        return read_manifest_of(retailer_id, day, bucket.read(manifest_key(retailer_id, day)))
    except (ObjectMissing, ValueError):
        return None


def download_records(bucket: Readable, manifest: Manifest, path: Path) -> bool:
    """Write the records that the manifest describes to `path`. False if the bucket does not have them (any more)."""
    for key in _places(manifest, manifest.object_key, manifest.sha256):
        with suppress(ObjectMissing):
            if bucket.download(key, path) == manifest.sha256:
                return True
    return False


def read_rejected(bucket: Readable, manifest: Manifest) -> bytes | None:
    """The rejected records that the manifest describes, NDJSON; None if the bucket does not have them (any more)."""
    expected = manifest.rejected_sha256
    for key in _places(manifest, rejected_key(manifest.retailer_id, manifest.business_date), expected):
        with suppress(ObjectMissing):
            content = bucket.read(key)
            if expected in (None, hashlib.sha256(content).hexdigest()):
                return content
    return None


def is_complete(bucket: Bucket, manifest: Manifest) -> bool:
    """Whether the records that the manifest describes can be read, without reading them.

    Either the present object has the manifest's size and is not newer than the manifest, or a copy is kept.
    """
    retailer_id, day = manifest.retailer_id, manifest.business_date
    objects = bucket.list(partition_prefix("raw", retailer_id, day))
    data, marker = objects.get(manifest.object_key), objects.get(manifest_key(retailer_id, day))
    if data and marker and data.size_bytes == manifest.size_bytes and data.modified_at <= marker.modified_at:
        return True
    return history_key(retailer_id, day, manifest.sha256) in bucket.list(history_prefix(retailer_id, day))


def keep_version(bucket: Bucket, retailer_id: str, day: date, *, replaced_by: str) -> list[str]:
    """Copy what the present manifest describes, before anything is written. Returns the keys for `drop_copies`.

    `replaced_by` is the sha256 of the new records: equal ones need no copy. Copies that an interrupted landing left
    are used again, since the present objects may be its own, or removed. The caller holds the partition's lock.
    """
    manifest = find_manifest(bucket, retailer_id, day)
    if manifest is None:
        return []
    kept = set(bucket.list(history_prefix(retailer_id, day)))
    kept -= set(remove_unused(bucket, manifest, kept))
    wanted = {history_key(retailer_id, day, sha256): source for sha256, source in _described(manifest)}
    for copy, source in wanted.items():
        if copy not in kept and copy != history_key(retailer_id, day, replaced_by):
            with suppress(ObjectMissing):  # then there is no readable version to keep
                bucket.copy(source, copy)
                kept.add(copy)
    return sorted(kept)


def drop_copies(bucket: Bucket, copies: Iterable[str]) -> None:
    """Remove what `keep_version` copied, after the new manifest is written. Never raises: the landing is complete."""
    try:
        bucket.delete(copies)
    except RetailError as error:  # the next landing of the date removes them, or the maintenance
        _log.warning("copies of a replaced partition are left", error=str(error))


def remove_unused(bucket: Bucket, manifest: Manifest | None, copies: Iterable[str]) -> list[str]:
    """Remove those copies of a partition that its manifest does not describe; returns their keys."""
    needed = set()
    if manifest is not None:
        where = manifest.retailer_id, manifest.business_date
        needed = {history_key(*where, sha256) for sha256, _ in _described(manifest)}
    unused = sorted(set(copies) - needed)
    bucket.delete(unused)
    return unused


def _described(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The checksums in the manifest, each with the key of its object."""
    yield manifest.sha256, manifest.object_key
    if manifest.rejected_sha256 is not None:
        yield manifest.rejected_sha256, rejected_key(manifest.retailer_id, manifest.business_date)


def _places(manifest: Manifest, key: str, sha256: str | None) -> Iterator[str]:
    yield key
    if sha256 is not None:
        yield history_key(manifest.retailer_id, manifest.business_date, sha256)
