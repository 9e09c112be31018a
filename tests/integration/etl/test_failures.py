"""Loads that fail: one clear line, no partial data is visible, and the next load completes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local_stack.postgres import free_port
from tests.integration.etl.conftest import Platform, sales, write

ROWS = sales(60, 40)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "sales.csv", ROWS)


def etl(platform: Platform, file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return platform.command("--source", str(file), "--json", "--no-report", "--allow-low-quality", **environment)


def assert_one_line(run: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert run.returncode == code, run.stderr
    (line,) = run.stderr.strip().splitlines()
    for part in parts:
        assert part in line


def test_without_a_warehouse_nothing_is_landed(platform: Platform, file: Path) -> None:
    run = etl(platform, file, WAREHOUSE_DSN=f"postgresql://nobody:x@127.0.0.1:{free_port()}/none")
    assert_one_line(run, 1, "No PostgreSQL server responds", "WAREHOUSE_DSN")
    assert platform.objects() == {}


def test_without_s3_nothing_is_loaded(platform: Platform, file: Path) -> None:
    run = etl(platform, file, S3_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}")
    assert_one_line(run, 1, "No S3 store responds", "S3_ENDPOINT_URL")
    assert platform.facts()[0] == 0
    assert platform.query("SELECT stage, status FROM ops.pipeline_runs") == [("ingest", "failed")]


def test_a_missing_bucket_is_named(platform: Platform, file: Path) -> None:
    run = etl(platform, file, S3_BUCKET_RAW="not-there")
    assert_one_line(run, 2, "Bucket not-there does not exist", "S3_BUCKET_RAW")
    assert platform.facts()[0] == 0


def test_a_bucket_that_denies_us_is_named(platform: Platform, file: Path) -> None:
    platform.s3.deny(platform.s3.bucket_raw)
    run = etl(platform, file)
    assert_one_line(run, 2, "S3 denies us", platform.s3.bucket_raw)
    assert platform.facts()[0] == 0


@pytest.mark.long
def test_a_bucket_that_denies_us_while_we_load_stops_the_load(platform: Platform, file: Path) -> None:
    platform.s3.deny(platform.s3.bucket_processed)
    run = etl(platform, file)
    assert_one_line(run, 2, "S3 denies us s3:PutObject", platform.s3.bucket_processed)
    assert platform.facts()[0] == 0
    platform.s3.deny()
    assert etl(platform, file).returncode == 0
    assert platform.facts()[0] == len(set(ROWS))


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://somewhere"])
def test_an_endpoint_that_is_none_is_named(platform: Platform, file: Path, endpoint: str) -> None:
    assert_one_line(etl(platform, file, S3_ENDPOINT_URL=endpoint), 2, "S3_ENDPOINT_URL", "is not a URL")


def test_an_old_schema_is_an_error_that_says_to_migrate(platform: Platform, file: Path) -> None:
    platform.query("DROP TABLE ops.source_partitions")
    assert_one_line(etl(platform, file), 2, "python -m shared.migrations")


LANDED_IN_PART: Callable[[Platform], bool] = lambda platform: len(platform.objects()) > 40  # noqa: E731
LOADING: Callable[[Platform], bool] = lambda platform: bool(  # noqa: E731
    platform.query(
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid::bigint = hashtext('ops.load')::bigint & 4294967295"
    )
)


@pytest.mark.parametrize(
    ("number", "reached"),
    [
        pytest.param(signal.SIGINT, LANDED_IN_PART, id="interrupted-landing", marks=pytest.mark.long),
        pytest.param(signal.SIGKILL, LOADING, id="killed-loading"),
        pytest.param(signal.SIGINT, LOADING, id="interrupted-loading", marks=pytest.mark.long),
        pytest.param(signal.SIGKILL, LANDED_IN_PART, id="killed-landing", marks=pytest.mark.long),
    ],
)
def test_a_killed_load_can_be_run_again_without_cleaning_up(
    platform: Platform, file: Path, reached: Callable[[Platform], bool], number: signal.Signals
) -> None:
    process = platform.start("--source", str(file), "--json", "--no-report", "--allow-low-quality")
    deadline = time.monotonic() + 60
    while not reached(platform):
        assert process.is_running, "it was over before the reached came"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send(number)
    done = process.wait()
    if number is signal.SIGINT and done.returncode != 0:
        assert done.returncode == 130, done.stderr
        assert done.stderr.strip() == "Interrupted. Unfinished work was not published."
    assert platform.facts()[0] in (0, len(set(ROWS)))
    again = etl(platform, file)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["balanced"] is True
    assert platform.facts() == (len(set(ROWS)), sum(row.money for row in set(ROWS)))
    cut_off = platform.digest()
    third = etl(platform, file)
    assert json.loads(third.stdout)["load_id"] is None
    assert platform.digest() == cut_off
    assert len(platform.objects("raw/")) == 2 * 60


def test_a_failed_landing_publishes_nothing(platform: Platform, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.errors import RetryLater
    from shared.s3_client import Bucket

    puts = iter(range(10_000))
    put = Bucket.put

    def failing(self: Bucket, *arguments: object, **named: object) -> str:
        if next(puts) == 70:
            raise RetryLater("S3 has gone away.")
        return put(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "put", failing)
    with pytest.raises(RetryLater, match="gone away"):
        platform.load(file)
    assert platform.facts()[0] == 0
    monkeypatch.undo()
    assert platform.load(file).balanced
    assert platform.facts()[0] == len(set(ROWS))


def test_a_partition_that_another_run_landed_meanwhile_is_not_overwritten(
    platform: Platform, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformation.bulk
    from shared.errors import RetryLater

    load_batch = transformation.bulk.load_batch

    def landed_again(batch, **named):  # type: ignore[no-untyped-def]
        key = batch.manifests()[batch.days[0]].object_key
        for each in (key, key.replace("sales_data.json", "_manifest.json")):
            platform.s3.client.put_object(Bucket=platform.s3.bucket_raw, Key=each, Body=b"{}")
        platform.query(
            "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at)"
            " VALUES ('other', 'ingest', '2011-01-04', 'running', now())"
        )
        return load_batch(batch, **named)

    monkeypatch.setattr(transformation.bulk, "load_batch", landed_again)
    with pytest.raises(RetryLater, match="landed again by another run"):
        platform.load(file)
    assert platform.facts()[0] == 0
