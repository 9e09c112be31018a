"""What the raw zone and the processed zone hold of some dates of a source, downloaded; reads only."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import orjson
from pydantic import ValidationError

from shared.config import S3Settings
from shared.dead_letters import as_json
from shared.partition_versions import download_records, read_rejected
from shared.partitions import (
    ForeignManifest,
    Manifest,
    manifest_key,
    processed_key,
    raw_key,
    read_key,
    read_manifest_of,
    rejected_key,
)
from shared.s3_client import Bucket, ObjectMissing

ZONES = ("raw", "raw_history", "rejected", "processed")
_DOWNLOADS = 6
"""Dates whose objects are downloaded at once."""


@dataclass(frozen=True)
class RejectedObject:
    """The rejected records of a date."""

    lines: int
    distinct: int
    """Distinct records: equal ones count once in a control report."""
    sha256: str
    dead_letters: frozenset[tuple[str, str]]
    """Digest of the payload and reason code of each record."""


@dataclass(frozen=True)
class LandedDate:
    """The objects of one date."""

    day: date
    manifest: Manifest | None
    problem: str = ""
    """Why a manifest that is there cannot be used."""
    keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The keys that are there, by zone."""
    records: Path | None = None
    """The data object that the manifest describes, or else the one that is there."""
    is_intact: bool = False
    """Whether `records` has the manifest's checksum."""
    rejected: RejectedObject | None = None
    processed: Path | None = None

    def has(self, zone: str) -> bool:
        """Whether there is any object of this zone."""
        return bool(self.keys.get(zone))

    @property
    def is_interrupted(self) -> bool:
        """Whether a landing was killed, or its checks failed, before its manifest was written: its objects are there.

        They count for nothing, and the next landing of the date replaces them.
        """
        return self.has("raw_history") or (self.manifest is None and not self.problem)


def buckets(settings: S3Settings) -> tuple[Bucket, Bucket]:
    """The raw and the processed bucket."""
    return Bucket(settings, settings.bucket_raw), Bucket(settings, settings.bucket_processed)


def read_manifest(raw: Bucket, retailer_id: str, day: date) -> tuple[Manifest | None, str]:
    """The manifest of a date, or why the one that is there cannot be used."""
    try:
        return read_manifest_of(retailer_id, day, raw.read(manifest_key(retailer_id, day))), ""
    except ObjectMissing:
        return None, ""
    except ForeignManifest as error:
        return None, f"the manifest is not its own: {error}"
    except ValidationError as error:
        return None, f"the manifest cannot be read ({error.error_count()} fields are wrong)"


def list_keys(
    raw: Bucket, processed: Bucket, retailer_id: str, first: date, last: date
) -> dict[date, dict[str, set[str]]]:
    """The keys of all objects of the source between `first` and `last`, by date and zone."""
    found: dict[date, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for zone in ZONES:
        bucket = processed if zone == "processed" else raw
        for month in months(first, last):
            for key in bucket.list(f"{zone}/{retailer_id}/year={month:%Y}/month={month:%m}/"):
                parts = read_key(key)
                if parts and first <= parts.business_date <= last:
                    found[parts.business_date][zone].add(key)
    return found


def months(first: date, last: date) -> Iterator[date]:
    """The first day of each month between two dates."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=31)).replace(day=1)


def download(
    raw: Bucket,
    processed: Bucket,
    retailer_id: str,
    keys: Mapping[date, Mapping[str, set[str]]],
    days: Sequence[date],
    directory: Path,
) -> dict[date, LandedDate]:
    """Download the objects of the dates to `directory`; `keys` is what `list_keys` found."""

    def fetch(day: date) -> LandedDate:
        there = {zone: frozenset(names) for zone, names in keys.get(day, {}).items()}
        return _download_date(raw, processed, retailer_id, day, there, directory)

    with ThreadPoolExecutor(_DOWNLOADS, thread_name_prefix="reconcile") as pool:
        return {each.day: each for each in pool.map(fetch, days)}


def _download_date(
    raw: Bucket, processed: Bucket, retailer_id: str, day: date, keys: Mapping[str, frozenset[str]], directory: Path
) -> LandedDate:
    manifest, problem = read_manifest(raw, retailer_id, day) if keys.get("raw") else (None, "")
    records, is_intact = _records(raw, manifest, directory / f"{day}.json")
    rejected = _rejected(raw, retailer_id, day, manifest) if keys.get("rejected") or manifest else None
    parquet: Path | None = None
    if processed_key(retailer_id, day) in keys.get("processed", ()):
        with suppress(ObjectMissing):
            parquet = directory / f"{day}.parquet"
            processed.download(processed_key(retailer_id, day), parquet)
    return LandedDate(day, manifest, problem, keys, records, is_intact, rejected, parquet)


def _records(raw: Bucket, manifest: Manifest | None, path: Path) -> tuple[Path | None, bool]:
    """The file of the records, and whether it has the manifest's checksum."""
    if manifest is None:
        return None, False
    present: Path | None = path
    try:
        if raw.download(manifest.object_key, path) == manifest.sha256:
            return path, True
    except ObjectMissing:
        present = None
    kept = path.with_suffix(".kept.json")
    if download_records(raw, manifest, kept):
        return kept, True
    return present, False


def _rejected(raw: Bucket, retailer_id: str, day: date, manifest: Manifest | None) -> RejectedObject | None:
    """The rejected records that the manifest describes, or else those that are there."""
    content = read_rejected(raw, manifest) if manifest and manifest.rejected else None
    if content is None:
        with suppress(ObjectMissing):
            content = raw.read(rejected_key(retailer_id, day))
    return None if content is None else _summarised(content)


def _summarised(content: bytes) -> RejectedObject:
    lines = content.splitlines()
    dead_letters = set()
    for line in lines:
        try:
            record = orjson.loads(line)
            payload = as_json(record["payload"], sort_keys=True)
            dead_letters.add((hashlib.sha256(payload).hexdigest(), str(record["reason_code"])))
        except (ValueError, KeyError, TypeError):  # somebody has changed it; its checksum shows that
            continue
    distinct = len({payload for payload, _ in dead_letters})
    return RejectedObject(len(lines), distinct, hashlib.sha256(content).hexdigest(), frozenset(dead_letters))


def unexpected_keys(retailer_id: str, landed: LandedDate) -> list[str]:
    """Objects of the date that nothing has written under these names."""
    own = {
        "raw": {raw_key(retailer_id, landed.day), manifest_key(retailer_id, landed.day)},
        "rejected": {rejected_key(retailer_id, landed.day)},
        "processed": {processed_key(retailer_id, landed.day)},
    }
    return sorted(key for zone, names in own.items() for key in landed.keys.get(zone, frozenset()) - names)
