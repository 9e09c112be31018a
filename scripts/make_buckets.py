#!/usr/bin/env python3
"""Wait for the S3 store and create the buckets that are missing: `s3-init` of the containers.

Exit status 0 when both buckets can be used, 2 when a setting or a permission must be corrected, 1 when the
store does not respond.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared.config import load_settings, read_environment
from shared.errors import RetailError, RetryLater
from shared.s3_admin import ensure_bucket

TIMEOUT_SECONDS = 120.0
PAUSE_SECONDS = 1.0


def retry_while_starting(
    work: Callable[[], str], *, sleep: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.monotonic
) -> str:
    """Call `work` until the store has started. Raises RetryLater after the timeout."""
    deadline = now() + TIMEOUT_SECONDS
    while True:
        try:
            return work()
        except RetryLater:
            if now() >= deadline:
                raise
            sleep(PAUSE_SECONDS)


def main() -> int:
    """Create both buckets; prints a line for each."""
    try:
        settings = load_settings({"WAREHOUSE_DSN": "postgresql:///any", **read_environment()}).s3
        for bucket in (settings.bucket_raw, settings.bucket_processed):
            print(f"s3://{bucket}: {retry_while_starting(partial(ensure_bucket, settings, bucket))}")
    except RetailError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
