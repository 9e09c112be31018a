"""S3: are the buckets there, may we write to them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from scripts.pipeline_health.configuration import s3_settings
from scripts.pipeline_health.findings import Finding, Health, reported
from shared.s3_client import ObjectStore

AREA = "S3"
PREFIX = "_check/"


def check_buckets(environ: Mapping[str, str]) -> list[Finding]:
    """Both buckets, by a small object that is written and deleted."""
    found: list[Finding] = []
    with reported(AREA, "buckets", found):
        settings = s3_settings(environ)
        store = ObjectStore(settings, timeout_seconds=5, attempts=1)
        for role, bucket in (("raw", settings.bucket_raw), ("processed", settings.bucket_processed)):
            with reported(AREA, f"{role} bucket", found):
                key = f"{PREFIX}{uuid4().hex}"
                next(store.list_keys(bucket, PREFIX), None)  # unlike a HEAD, a refused GET says why
                store.put(bucket, key, b"health check", content_type="text/plain")
                store.delete(bucket, key)
                found.append(Finding(AREA, f"{role} bucket", Health.OK, f"s3://{bucket} is there and writable"))
    return found
