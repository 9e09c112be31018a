"""Concurrent runs: the partition ends with the object and the manifest of one of them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING

from shared.database import lock_in_transaction, session, transaction

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

DAY = "2024-01-18"


def test_two_runs_of_a_day_at_once_leave_a_partition_that_fits_its_manifest(
    platform: Platform, vendors: dict[str, Vendor]
) -> None:
    vendors["retailer_1"].faults("duplicates:0.2")  # so that the two runs' objects differ
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: platform.ingest(DAY, "retailer_1"), range(4)))

    assert all(result.ok for result in results)
    manifest = platform.manifest("retailer_1", DAY)
    assert hashlib.sha256(platform.raw("retailer_1", DAY)).hexdigest() == manifest.sha256
    shas = {result.run_id: result.results[0].dates[0].sha256 for result in results}
    assert shas[manifest.run_id] == manifest.sha256
    assert len(set(shas.values())) > 1


def test_writing_a_partition_waits_for_another_runs_lock(platform: Platform) -> None:
    with ThreadPoolExecutor(1) as pool:
        with session(platform.dsn, application_name="other run") as connection, transaction(connection) as cursor:
            lock_in_transaction(cursor, "raw", "retailer_1", date.fromisoformat(DAY))
            running = pool.submit(platform.ingest, DAY, "retailer_1")
            waiting = (
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            while platform.query(waiting) == [(0,)]:
                assert not running.done()
            assert platform.object_keys() == []
        assert running.result().ok
    assert len(platform.object_keys()) == 2
