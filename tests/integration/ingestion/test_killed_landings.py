"""A landing that is killed after any of its writes: readers get the version from before, or the new one, completely."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import transformation.main
from ingestion.catch_up import current_manifests
from shared.partition_versions import download_records, find_manifest, read_rejected
from shared.partitions import history_prefix, rejected_key
from shared.s3_client import Bucket
from tests.fakes.killed_after_a_write import killed_after

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

pytestmark = pytest.mark.long

RETAILER = "retailer_1"
DAY = "2024-01-18"
DATE = date.fromisoformat(DAY)


@dataclass(frozen=True)
class Version:
    """What a partition and the warehouse loaded from it contain."""

    records: bytes
    rejected: bytes
    digest: str


class Partition:
    """A partition of a retailer, in two versions."""

    def __init__(self, platform: Platform, vendor: Vendor, warehouse: WarehouseAccess, directory: Path) -> None:
        self.platform, self._vendor, self._warehouse = platform, vendor, warehouse
        self._path = directory / "records.json"
        self.bucket = Bucket(platform.settings.s3, platform.settings.s3.bucket_raw)
        self.loads = 0

    def versions(self, faults: str) -> tuple[Version, Version]:
        """The old version and the new one, both landed once."""
        self.become_old()
        self.land()
        old = self.read()
        self.become_new(faults)
        self.land()
        new = self.read()
        assert old.records != new.records
        assert old.rejected != new.rejected
        assert old.digest != new.digest
        return old, new

    def become_old(self) -> None:
        """The source as it was the morning after."""
        self._vendor.clock("2024-01-19T06:00:00Z")
        self._vendor.faults("bad_rows:0.03")

    def become_new(self, faults: str) -> None:
        """The source two weeks later: with corrections."""
        self._vendor.behave()
        self._vendor.clock("2024-02-01T06:00:00Z")
        if faults:
            self._vendor.faults(faults)

    def land(self) -> None:
        result = self.platform.ingest(DAY, RETAILER)
        assert result.ok, result.as_dict()

    def land_and_be_killed_after(self, write: int) -> bool:
        return killed_after(write, "ingestion.main", DAY, "--retailer", RETAILER, environment=self.platform.environment)

    def read(self) -> Version:
        """As every reader gets it; the warehouse is loaded from it."""
        manifest = find_manifest(self.bucket, RETAILER, DATE)
        assert manifest is not None
        assert download_records(self.bucket, manifest, self._path)
        assert current_manifests(self.bucket, RETAILER, [DATE]) == {DATE: manifest}
        self.loads += 1
        result = transformation.main.run(DATE, [RETAILER], settings=self.platform.settings, run_id=f"load-{self.loads}")
        assert result.ok, result.as_dict()
        rejected = read_rejected(self.bucket, manifest) if manifest.rejected else b""
        assert rejected is not None
        assert len(rejected.splitlines()) == manifest.rejected
        digest = self.platform.query("SELECT ops.warehouse_digest()")[0][0]
        return Version(self._path.read_bytes(), rejected, str(digest))

    def copies(self) -> list[str]:
        return [key for key in self.platform.object_keys() if key.startswith(history_prefix(RETAILER, DATE))]


@pytest.fixture
def partition(platform: Platform, vendors: dict[str, Vendor], warehouse: WarehouseAccess, tmp_path: Path) -> Partition:
    return Partition(platform, vendors[RETAILER], warehouse, tmp_path)


@pytest.mark.parametrize("faults", ["bad_rows:0.04", ""], ids=["other rejects", "no rejects"])
def test_a_landing_killed_after_any_write_leaves_a_readable_partition(partition: Partition, faults: str) -> None:
    old, new = partition.versions(faults)
    writes = ["copy", "copy of the rejected records", "data", "rejected records", "manifest", "removal of the copies"]
    found = {}
    for number, write in enumerate(writes, 1):
        partition.become_old()
        partition.land()
        partition.become_new(faults)
        assert partition.land_and_be_killed_after(number)
        found[write] = partition.read()
        assert (partition.copies() == []) == (number == len(writes))
        partition.land()
        assert partition.read() == new
        assert partition.copies() == []
        assert (rejected_key(RETAILER, DATE) in partition.platform.object_keys()) == bool(faults)
    assert found == {write: new if number >= 4 else old for number, write in enumerate(writes)}


def test_the_landing_after_a_killed_one_may_be_killed_too(partition: Partition) -> None:
    old, new = partition.versions("bad_rows:0.04")
    found = {}
    for number, write in enumerate(["data", "rejected records", "manifest"], 1):
        partition.become_old()
        partition.land()
        partition.become_new("bad_rows:0.05")
        assert partition.land_and_be_killed_after(3), "data written, but no manifest"
        partition.become_new("bad_rows:0.04")
        assert partition.land_and_be_killed_after(number)
        found[write] = partition.read()
    assert found == {"data": old, "rejected records": old, "manifest": new}


def test_a_first_landing_that_is_killed_before_its_manifest_has_landed_nothing(partition: Partition) -> None:
    partition.become_old()
    for number in (1, 2):
        assert partition.land_and_be_killed_after(number)
        assert find_manifest(partition.bucket, RETAILER, DATE) is None
        assert partition.copies() == []
    assert partition.land_and_be_killed_after(3)
    partition.read()
