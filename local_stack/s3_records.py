"""What moto's S3 knows about buckets and objects, written to disk with every change and read back at start."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import moto.s3.models as moto_models
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_api._internal.managed_state_model import ManagedState
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend, s3_backends
from moto.s3.utils import _VersionedKeyStore
from moto.utilities.utils import LowercaseDict

from local_stack.s3_objects import BlobFolder, StoredKey, discarded_blobs
from shared.directories import make_directory

_PLAIN_KEY_FIELDS = (
    "_storage_class",
    "_etag",
    "_version_id",
    "_is_versioned",
    "encryption",
    "kms_key_id",
    "bucket_key_enabled",
    "checksum_algorithm",
    "checksum_value",
    "checksum_type",
    "checksum_parts",
    "website_redirect_location",
    "blob",
    "contentsize",
)
_PLAIN_BUCKET_FIELDS = ("versioning_status", "encryption", "ownership_rule", "payer")


class _Touched(threading.local):
    def __init__(self) -> None:
        self.keys: set[tuple[str, str]] = set()


_TOUCHED = _Touched()


class RecordedKeys(_VersionedKeyStore):
    """A bucket's objects; notes which of them the request of this thread changes."""

    def __init__(self, bucket: str) -> None:
        super().__init__()
        self._bucket = bucket

    def __setitem__(self, key: str, value: Any) -> None:
        _TOUCHED.keys.add((self._bucket, key))
        super().__setitem__(key, value)

    def setlist(self, key: str, list_: Any) -> None:
        """Replace all versions of an object."""
        _TOUCHED.keys.add((self._bucket, key))
        super().setlist(key, list_)

    def pop(self, key: str) -> None:  # type: ignore[override]
        """Delete all versions of an object."""
        _TOUCHED.keys.add((self._bucket, key))
        super().pop(key)


class RecordedBucket(FakeBucket):
    """moto's bucket with objects that are recorded."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(name, *args, **kwargs)
        self.keys = RecordedKeys(name)

    def is_created(self) -> bool:
        """Write a record as soon as the bucket is created."""
        return True


class Records:
    """The folder with one JSON file a bucket and one a key; each is replaced in one step."""

    def __init__(self, directory: Path, blobs: BlobFolder) -> None:
        self._directory = directory
        self._blobs = blobs
        self._lock = threading.Lock()
        self._written: dict[Path, str] = {}
        make_directory(directory)
        moto_models.FakeBucket = RecordedBucket  # type: ignore[misc]

    def load(self) -> None:
        """Give moto what the last server had, and remove bodies that nothing refers to."""
        used: set[str] = set()
        for bucket_file in sorted(self._directory.glob("*/bucket.json")):
            bucket = self._load_bucket(json.loads(bucket_file.read_text(encoding="utf-8")))
            for key_file in bucket_file.parent.glob("keys/*/*.json"):
                used |= self._load_key(bucket, json.loads(key_file.read_text(encoding="utf-8")))
        _TOUCHED.keys.clear()
        discarded_blobs().clear()
        self._blobs.keep_only(used)

    def save_changes(self, bucket: str, key: str) -> None:
        """Write what the request of this thread changed, `bucket` and `key` from its address among it."""
        touched = _TOUCHED.keys | ({(bucket, key)} if key else set())
        discarded = list(discarded_blobs())
        _TOUCHED.keys = set()
        discarded_blobs().clear()
        with self._lock:
            self._save_bucket(bucket)
            for touched_bucket, touched_key in touched:
                self._save_key(touched_bucket, touched_key)
        for blob in discarded:
            self._blobs.remove(blob)

    def _save_bucket(self, name: str) -> None:
        folder = self._directory / name
        bucket = _backend().buckets.get(name)
        if bucket is None:
            shutil.rmtree(folder, ignore_errors=True)
            self._written.pop(folder, None)
            return
        record = {
            "name": name,
            "region": bucket.region_name,
            "created_at": bucket.creation_date.isoformat(),
            "policy": base64.b64encode(bucket.policy).decode() if bucket.policy else None,
            "tags": _backend().tagger.get_tag_dict_for_resource(bucket.arn),
            **{field: getattr(bucket, field) for field in _PLAIN_BUCKET_FIELDS},
        }
        text = json.dumps(record)
        if self._written.get(folder) != text:  # nearly every request changes objects only
            _replace(folder / "bucket.json", text)
            self._written[folder] = text

    def _save_key(self, bucket_name: str, key: str) -> None:
        bucket = _backend().buckets.get(bucket_name)
        versions = bucket.keys.getlist(key, []) if bucket else []
        digest = hashlib.sha256(key.encode()).hexdigest()
        path = self._directory / bucket_name / "keys" / digest[:2] / f"{digest}.json"
        if versions:
            _replace(path, json.dumps({"key": key, "versions": [_describe(version) for version in versions]}))
        else:
            path.unlink(missing_ok=True)

    def _load_bucket(self, record: dict[str, Any]) -> FakeBucket:
        backend = _backend()
        bucket = RecordedBucket(record["name"], account_id=DEFAULT_ACCOUNT_ID, region_name=record["region"])
        bucket.creation_date = datetime.fromisoformat(record["created_at"])
        bucket.policy = base64.b64decode(record["policy"]) if record["policy"] else None
        for field in _PLAIN_BUCKET_FIELDS:
            setattr(bucket, field, record[field])
        backend.buckets[bucket.name] = bucket
        if record["tags"]:
            backend.put_bucket_tagging(bucket.name, record["tags"])
        return bucket

    def _load_key(self, bucket: FakeBucket, record: dict[str, Any]) -> set[str]:
        blobs = set()
        for version in record["versions"]:
            if "delete_marker" in version:
                bucket.keys[record["key"]] = _delete_marker(bucket, record["key"], version)
            elif self._is_complete(version):
                bucket.keys[record["key"]] = _restore(bucket, record["key"], version)
                blobs.add(version["blob"])
        return blobs

    def _is_complete(self, version: dict[str, Any]) -> bool:
        """A power cut can lose the body of an object whose record survived."""
        path = self._blobs.path(version["blob"])
        return path.is_file() and path.stat().st_size == version["contentsize"]


def _backend() -> S3Backend:
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def _describe(version: StoredKey | FakeDeleteMarker) -> dict[str, Any]:
    if isinstance(version, FakeDeleteMarker):
        return {"delete_marker": version.version_id, "last_modified": version.last_modified.isoformat()}
    return {
        "last_modified": version.last_modified.isoformat(),
        "metadata": dict(version.metadata),
        "tags": _backend().tagger.get_tag_dict_for_resource(version.arn),
        **{field: getattr(version, field) for field in _PLAIN_KEY_FIELDS},
    }


def _restore(bucket: FakeBucket, name: str, record: dict[str, Any]) -> StoredKey:
    key = StoredKey.__new__(StoredKey)
    ManagedState.__init__(key, "s3::keyrestore", [(None, "IN_PROGRESS"), ("IN_PROGRESS", "RESTORED")])
    key.__dict__.update(
        name=name,
        bucket_name=bucket.name,
        account_id=bucket.account_id,
        region_name=bucket.region_name,
        partition=bucket.partition,
        last_modified=datetime.fromisoformat(record["last_modified"]),
        acl=moto_models.get_canned_acl("private"),
        multipart=None,
        disposed=False,
        lock=threading.Lock(),
        lock_mode=None,
        lock_legal_status=None,
        lock_until=None,
        _expiry=None,
        _metadata=LowercaseDict(),
        **{field: record[field] for field in _PLAIN_KEY_FIELDS},
    )
    key.metadata.update(record["metadata"])
    if record["tags"]:
        _backend().put_object_tagging(key, record["tags"])
    return key


def _delete_marker(bucket: FakeBucket, name: str, record: dict[str, Any]) -> FakeDeleteMarker:
    marker = FakeDeleteMarker(key=bucket.keys[name])
    marker.name = name
    marker.last_modified = datetime.fromisoformat(record["last_modified"])
    marker._version_id = record["delete_marker"]
    return marker


def _replace(path: Path, text: str) -> None:
    make_directory(path.parent)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
