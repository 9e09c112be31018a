#!/usr/bin/env python3
"""Do with both buckets what the pipeline does, and leave no trace: `make test-s3`.

Writes an object whole and one in parts, reads them back, compares, lists and deletes them. Exit status 0 when both
buckets work, 2 when a setting or a permission has to be mended, 1 otherwise.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared.config import load_settings, read_environment
from shared.errors import RetailError, StopRun
from shared.s3_client import ObjectStore

PREFIX = "_check/"
PART_BYTES = 5 * 1024 * 1024  # the smallest part that S3 accepts


def check_bucket(store: ObjectStore, bucket: str) -> float:
    """Write, read, list and delete in a bucket; seconds it took. Raises RetailError that says what is refused."""
    began = time.monotonic()
    next(store.list_keys(bucket, PREFIX), None)  # unlike a HEAD, a refused GET says why
    name = f"{PREFIX}{uuid4().hex}"
    try:
        _check_whole(store, bucket, f"{name}.txt")
        _check_in_parts(store, bucket, f"{name}.bin")
        listed = set(store.list_keys(bucket, PREFIX))
        if not {f"{name}.txt", f"{name}.bin"} <= listed:
            raise StopRun(f"s3://{bucket}/{name}.* was written but is not listed. The store is not consistent.")
    finally:
        store.delete(bucket, f"{name}.txt")
        store.delete(bucket, f"{name}.bin")
    return time.monotonic() - began


def _check_whole(store: ObjectStore, bucket: str, key: str) -> None:
    content = uuid4().bytes
    store.put(bucket, key, content, content_type="text/plain")
    if store.read_bytes(bucket, key) != content:
        raise StopRun(f"s3://{bucket}/{key} does not read as it was written. Is another program using the bucket?")


def _check_in_parts(store: ObjectStore, bucket: str, key: str) -> None:
    with store.writer(bucket, key, content_type="application/octet-stream", part_bytes=PART_BYTES) as writer:
        for number in range(6):
            writer.write(bytes([number]) * 1024 * 1024)  # two parts
        writer.complete()
        digest = writer.sha256
    if hashlib.sha256(store.read_bytes(bucket, key)).hexdigest() != digest:
        raise StopRun(f"s3://{bucket}/{key}, uploaded in parts, does not read as it was written.")


def main(environ: Mapping[str, str] | None = None) -> int:
    """Check both buckets, the second one also when the first fails, and say how it went."""
    worst = 0
    try:
        # The warehouse is no matter here, so it need not be configured.
        known = read_environment() if environ is None else environ
        settings = load_settings({"WAREHOUSE_DSN": "postgresql:///any", **known}).s3
        store = ObjectStore(settings, timeout_seconds=5, attempts=2)
    except RetailError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for bucket in (settings.bucket_raw, settings.bucket_processed):
        try:
            seconds = check_bucket(store, bucket)
            print(f"ok    s3://{bucket}: written, read, listed and deleted, whole and in parts, in {seconds:.2f} s")
        except RetailError as error:
            print(f"fail  s3://{bucket}: {error}", file=sys.stderr)
            worst = max(worst, error.exit_code)
    return worst


if __name__ == "__main__":
    sys.exit(main())
