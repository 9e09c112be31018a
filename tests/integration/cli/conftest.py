"""The retailers, warehouse and S3 API of ingestion's tests, and the `retail` command run against them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.copied_process import run_module
from tests.integration.ingestion.conftest import make_platform, platform

__all__ = ["make_platform", "platform"]
Done = subprocess.CompletedProcess[str]
Retail = Callable[..., Done]


@pytest.fixture
def retail() -> Retail:
    """`retail(environment, *arguments)` as a user runs it."""

    def run(environment: Mapping[str, str], *arguments: str) -> Done:
        own = {"PATH": "/usr/bin:/bin", "COLUMNS": "200", "INGEST_BACKOFF_SECONDS": "0"}
        done = run_module("cli", *arguments, environment={**own, **environment})
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def printed(retail: Retail) -> Callable[..., Any]:
    """What a command prints with `--json`."""

    def run(environment: Mapping[str, str], *arguments: str) -> Any:
        done = retail(environment, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
