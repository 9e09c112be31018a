#!/usr/bin/env python3
"""Write, read, list and delete a small object in both buckets: `make test-s3`.

Exit status 0 when both work, 2 when a setting or a permission has to be mended, 1 otherwise.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared.config import load_settings
from shared.errors import RetailError, StopRun
from shared.s3_client import ObjectStore

PREFIX = "_check/"


def check_bucket(store: ObjectStore, bucket: str) -> float:
    """Do with the bucket what the pipeline does; seconds it took. Raises RetailError that says what is refused."""
    began = time.monotonic()
    key, content = f"{PREFIX}{uuid4().hex}.txt", uuid4().bytes
    store.check_bucket(bucket)
    store.put(bucket, key, content, content_type="text/plain")
    try:
        if store.read_bytes(bucket, key) != content:
            raise StopRun(f"s3://{bucket}/{key} does not read as it was written. Is another program using the bucket?")
        if key not in store.list_keys(bucket, PREFIX):
            raise StopRun(f"s3://{bucket}/{key} was written but is not listed. The store is not consistent.")
    finally:
        store.delete(bucket, key)
    return time.monotonic() - began


def main() -> int:
    """Check both buckets and say how it went."""
    try:
        settings = load_settings().s3
        store = ObjectStore(settings, timeout_seconds=5, attempts=2)
        for bucket in (settings.bucket_raw, settings.bucket_processed):
            seconds = check_bucket(store, bucket)
            print(f"ok  s3://{bucket}: written, read, listed and deleted in {seconds:.2f} s")
    except RetailError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
