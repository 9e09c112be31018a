#!/usr/bin/env python3
"""Test both buckets with the operations of the pipeline, and leave nothing behind: `make test-s3`.

Writes one object in a single request and one in parts, copies one, reads them back, compares, lists and deletes them.
The settings are those of the local platform when it runs, else of `.env`. Exit status 0 when both buckets work, 2 when
a setting or a permission must be corrected, 1 otherwise.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.configuration import s3_settings
from scripts.pipeline_health.findings import split_remedy
from scripts.pipeline_health.platforms import find_platform
from scripts.pipeline_health.storage import describe_store, store_remedy
from shared.config import read_environment
from shared.errors import RetailError, StopRun
from shared.s3_client import Bucket
from shared.scratch import scratch_directory

PREFIX = "_check/"
PART_BYTES = 5 * 1024 * 1024  # the smallest part that S3 accepts
STORE = ("S3_ENDPOINT_URL", "S3_BUCKET_RAW", "S3_BUCKET_PROCESSED")


def check_bucket(bucket: Bucket) -> float:
    """Write, read, list and delete in a bucket; seconds it took. Raises RetailError that says what is rejected."""
    began = time.monotonic()
    bucket.check()
    name = f"{PREFIX}{uuid4().hex}"
    keys = [f"{name}.txt", f"{name}.copy", f"{name}.bin"]
    try:
        _check_in_one_request(bucket, *keys[:2])
        _check_in_parts(bucket, keys[2])
        if not set(keys) <= bucket.list(PREFIX).keys():
            raise StopRun(f"s3://{bucket.name}/{name}.* was written but is not listed. The store is not consistent.")
    except BaseException:
        with suppress(RetailError):  # the first rejection is the one to report
            bucket.delete(keys)
        raise
    bucket.delete(keys)
    return time.monotonic() - began


def _check_in_one_request(bucket: Bucket, key: str, copy: str) -> None:
    content = uuid4().bytes
    bucket.put(key, content, content_type="text/plain")
    bucket.copy(key, copy)
    if (bucket.read(key), bucket.read(copy)) != (content, content):
        raise StopRun(f"s3://{bucket.name}/{key} does not read as it was written. Is another program using the bucket?")


def _check_in_parts(bucket: Bucket, key: str) -> None:
    content = uuid4().bytes * (6 * 1024 * 1024 // 16)  # two parts
    with scratch_directory() as directory:
        file = directory / "content"
        file.write_bytes(content)
        bucket.put(key, file, content_type="application/octet-stream", part_bytes=PART_BYTES)
    if bucket.read(key) != content:
        raise StopRun(f"s3://{bucket.name}/{key}, uploaded in parts, does not read as it was written.")


def main() -> int:
    """Check both buckets, the second one also when the first fails, and print the results."""
    worst = 0
    try:
        environ, advice = _settings()
        settings = s3_settings(environ)  # the warehouse need not be configured for this
    except RetailError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(describe_store(settings))
    for name in (settings.bucket_raw, settings.bucket_processed):
        try:
            seconds = check_bucket(Bucket(settings, name, timeout_seconds=5, attempts=2))
            print(f"ok    s3://{name}: written, read, listed and deleted, also in parts, in {seconds:.2f} s")
        except RetailError as error:
            reason, remedy = split_remedy(str(error))
            fits = f"{reason}. {store_remedy(settings, advice)(error)}" if "make up" in remedy else str(error)
            print(f"fail  s3://{name}: {fits}", file=sys.stderr)
            worst = max(worst, error.exit_code)
    return worst


def _settings() -> tuple[Mapping[str, str], Advice]:
    """The settings of the platform; buckets that the shell sets take precedence."""
    platform = find_platform()
    environ = read_environment()
    own = [name for name in STORE if os.environ.get(name) and os.environ[name] != platform.environ.get(name)]
    return (environ, Advice()) if own else (platform.environ, platform.advice)


if __name__ == "__main__":
    sys.exit(main())
