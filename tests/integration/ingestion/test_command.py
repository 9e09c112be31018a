"""`python -m ingestion.main` as a user sees it: one line that says what to do, no traceback, an exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from shared.counts import counted
from tests.copied_process import run_module, run_new
from tests.fakes.http_vendor import Reply, http_vendor
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

DAY = "2024-01-17"


def complete(environment: Mapping[str, str]) -> dict[str, str]:
    """What a program needs beyond these settings."""
    return {"PATH": "/usr/bin:/bin", "COLUMNS": "160", "INGEST_BACKOFF_SECONDS": "0", **environment}


def command(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module("ingestion.main", *arguments, environment=complete(environment))


def rejected(environment: Mapping[str, str], *arguments: str, code: int) -> str:
    """The one line that a failing command ends with."""
    done = command(environment, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_day_is_landed_and_shown(platform: Platform) -> None:
    done = command(platform.environment, DAY)

    assert done.returncode == 0, done.stderr
    assert "Ingested for 2024-01-17" in done.stdout
    for retailer_id in ("retailer_1", "retailer_2", "retailer_3"):
        assert f"{platform.manifest(retailer_id, DAY).landed:,}" in done.stdout


def test_rejected_lines_are_counted_with_the_command_that_shows_them(
    platform: Platform, vendors: dict[str, Vendor]
) -> None:
    vendors["retailer_1"].faults("bad_rows:0.02")
    done = command(platform.environment, DAY, "--retailer", "retailer_1")
    assert done.returncode == 0, done.stderr
    rejected = counted(platform.manifest("retailer_1", DAY).rejected, "line")
    assert f"Rejected: {rejected}. To see why: retail dead-letters list" in done.stderr


def test_an_interrupt_in_the_middle_of_a_page_ends_with_one_line(
    platform: Platform, vendors: dict[str, Vendor]
) -> None:
    vendors["retailer_1"].faults("slow:1;seconds=20")
    process = subprocess.Popen(
        [sys.executable, "-m", "ingestion.main", DAY, "--retailer", "retailer_1"],
        env=complete({**platform.environment, "LOG_LEVEL": "ERROR", "INGEST_TIMEOUT_SECONDS": "30"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            wait_until(lambda: platform.query("SELECT 1 FROM ops.pipeline_runs WHERE status = 'running'") != [], 60)
            wait_until(lambda: sum(vendors["retailer_1"].fired().values()) > 0, 60)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=15)
        finally:
            process.kill()
    assert (process.returncode, said.splitlines()) == (130, ["Interrupted. Unfinished work was not published."])


def test_it_also_runs_from_its_own_folder_and_for_one_retailer(platform: Platform) -> None:
    done = run_new(
        *("ingestion", "main.py", DAY, "--retailer", "retailer_2", "--json"), environment=complete(platform.environment)
    )

    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)["retailers"]) == ["retailer_2"]


def test_one_retailer_down_fails_the_command_and_is_named(platform: Platform, vendors: dict[str, Vendor]) -> None:
    vendors["retailer_3"].faults("down")

    done = command({**platform.environment, "INGEST_MAX_ATTEMPTS": "2"}, DAY)

    assert done.returncode == 1
    assert "retailer_3 was not landed: retailer_3 at 127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr
    assert f"{platform.manifest('retailer_1', DAY).landed:,}" in done.stdout


def test_no_database(platform: Platform) -> None:
    line = rejected({**platform.environment, "WAREHOUSE_DSN": "postgresql://retail_user:x@127.0.0.1:9/w"}, DAY, code=1)
    assert "No PostgreSQL server responds at retail_user@127.0.0.1:9/w" in line
    assert "make up" in line


def test_wrong_password(platform: Platform) -> None:
    dsn = platform.dsn.replace(platform.dsn.split(":")[2].split("@")[0], "wrong")
    line = rejected({**platform.environment, "WAREHOUSE_DSN": dsn}, DAY, code=2)
    assert "PostgreSQL rejected the password" in line
    assert "WAREHOUSE_DSN" in line


def test_no_bucket(platform: Platform) -> None:
    line = rejected({**platform.environment, "S3_BUCKET_RAW": "not-there"}, DAY, code=2)
    assert "Bucket not-there does not exist" in line
    assert "S3_BUCKET_RAW" in line


def test_a_bucket_without_permission(platform: Platform) -> None:
    platform.s3.deny(platform.s3.bucket_raw)
    line = rejected(platform.environment, DAY, code=2)
    assert f"S3 denies us s3:ListBucket on bucket {platform.s3.bucket_raw}" in line
    assert "AWS_ACCESS_KEY_ID" in line


def test_no_s3(platform: Platform) -> None:
    line = rejected({**platform.environment, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}, DAY, code=1)
    assert "No S3 store responds at http://127.0.0.1:9" in line


def test_an_unreachable_api(platform: Platform) -> None:
    environment = {**platform.environment, "RETAILER1_API_URL": "http://127.0.0.1:9", "INGEST_MAX_ATTEMPTS": "2"}
    line = rejected(environment, DAY, "--retailer", "retailer_1", code=1)
    assert "retailer_1 at 127.0.0.1:9 cannot be reached" in line
    assert "RETAILER1_API_URL" in line


@pytest.mark.parametrize(
    ("retailer_id", "setting"),
    [
        ("retailer_1", "RETAILER1_API_KEY"),
        ("retailer_2", "RETAILER2_CLIENT_SECRET"),
        ("retailer_3", "RETAILER3_HMAC_SECRET"),
    ],
)
def test_a_rejected_key(platform: Platform, retailer_id: str, setting: str) -> None:
    line = rejected({**platform.environment, setting: "wrong"}, DAY, "--retailer", retailer_id, code=1)
    assert f"{retailer_id} rejected our credentials (401)" in line
    assert setting in line


def test_a_malformed_response_does_not_count_as_an_empty_day(platform: Platform) -> None:
    with http_vendor([Reply(404)]) as vendor:
        environment = {**platform.environment, "RETAILER1_API_URL": vendor.url}
        line = rejected(environment, DAY, "--retailer", "retailer_1", code=1)
    assert "has no /v1/reports/daily (404)" in line
    assert platform.object_keys() == []


def test_missing_settings_are_named_together() -> None:
    line = rejected({"S3_BUCKET_RAW": "raw"}, DAY, code=2)
    assert "WAREHOUSE_DSN" in line
    assert "S3_BUCKET_PROCESSED is missing" in line


def test_a_retailer_without_its_secret_is_named_and_does_not_stop_the_others(platform: Platform) -> None:
    environment = {name: value for name, value in platform.environment.items() if name != "RETAILER2_CLIENT_SECRET"}
    line = rejected(environment, DAY, code=1)
    assert "retailer_2 was not landed: retailer_2 is not configured. Set RETAILER2_CLIENT_SECRET in .env" in line
    landed = {key.split("/")[1] for key in platform.object_keys() if key.startswith("raw/")}
    assert landed == {"retailer_1", "retailer_3"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["15-01-2024"], "'15-01-2024' is not a date"),
        (["2024-02-30"], "'2024-02-30' is not a date"),
        (["2999-01-01"], "2999-01-01 is in the future"),
        ([DAY, "--retailer", "retailer_9"], "Known: retailer_1, retailer_2, retailer_3"),
    ],
)
def test_mistakes_in_the_arguments(platform: Platform, arguments: list[str], said: str) -> None:
    assert said in rejected(platform.environment, *arguments, code=2)


def test_help_describes_the_command() -> None:
    done = command({}, "--help")
    assert done.returncode == 0
    assert "--since-watermark" in done.stdout
