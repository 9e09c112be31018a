"""`s3-init` of the containers on a real S3 API."""

from __future__ import annotations

import pytest

from scripts.make_buckets import retry_while_starting
from shared.config import S3Settings, load_settings
from shared.errors import RetryLater
from shared.s3_admin import ensure_bucket
from tests.conftest import S3Access


def settings(s3: S3Access) -> S3Settings:
    return load_settings({"WAREHOUSE_DSN": "postgresql:///any", **s3.environment}).s3


def test_a_missing_bucket_is_created_once(s3: S3Access) -> None:
    assert ensure_bucket(settings(s3), f"{s3.bucket_raw}-more") == "created"
    assert ensure_bucket(settings(s3), f"{s3.bucket_raw}-more") == "exists"


def test_outside_the_first_region_the_region_is_named(s3: S3Access) -> None:
    europe = settings(s3).model_copy(update={"region": "eu-central-1"})
    assert ensure_bucket(europe, f"{s3.bucket_raw}-europe") == "created"


def test_a_store_that_is_still_starting_is_waited_for() -> None:
    results = [RetryLater("not yet"), RetryLater("not yet"), None]
    slept: list[float] = []

    def work() -> str:
        if error := results.pop(0):
            raise error
        return "exists"

    assert retry_while_starting(work, sleep=slept.append) == "exists"
    assert len(slept) == 2


def test_a_store_that_never_starts_is_reported_after_the_timeout() -> None:
    times = iter([0.0, 10.0, 200.0])

    def work() -> str:
        raise RetryLater("No S3 store responds")

    with pytest.raises(RetryLater, match="No S3 store responds"):
        retry_while_starting(work, sleep=lambda _: None, now=lambda: next(times))
