"""Keys and manifests of partitions, also those that somebody else has put into the bucket."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shared.errors import StopRun
from shared.partition_versions import find_manifest
from shared.partitions import Manifest, RequestWindow, date_in_key, manifest_key, raw_key, read_key
from shared.s3_errors import ObjectMissing
from transformation.raw_partitions import read_manifest

DAY = date(2024, 1, 17)
NOON = datetime(2024, 1, 18, 12, tzinfo=UTC)


class Objects(dict[str, bytes]):
    """A bucket in memory."""

    def read(self, key: str) -> bytes:
        if key not in self:
            raise ObjectMissing(key)
        return self[key]

    def download(self, key: str, path: Path) -> str:
        raise NotImplementedError


def _manifest(object_key: str) -> bytes:
    manifest = Manifest(
        retailer_id="shop",
        business_date=DAY,
        run_id="run",
        object_key=object_key,
        sha256="x",
        size_bytes=1,
        fetched=1,
        landed=1,
        rejected=0,
        distinct=1,
        amounts={},
        window=RequestWindow(requested_from=NOON, requested_until=NOON),
        code_version="1",
        written_at=NOON,
    )
    return manifest.model_dump_json().encode()


def test_the_date_of_an_object_is_in_its_key() -> None:
    assert date_in_key(raw_key("shop", DAY)) == DAY
    assert date_in_key("s3://bucket/raw/shop/year=2024/month=01/day=17/") == DAY
    assert date_in_key("fact_sales") is None
    assert read_key(manifest_key("shop", DAY)) == ("raw", "shop", DAY, "_manifest.json")


@pytest.mark.parametrize(
    "key",
    [
        "raw/",
        "raw/README.txt",
        "raw/shop/year=2024/month=13/day=17/_manifest.json",
        "raw/shop/year=2024/month=02/day=30/_manifest.json",
        "raw/shop/year=0000/month=00/day=00/_manifest.json",
        "raw/shop/year=2024/month=1/day=17/_manifest.json",
        "raw/shop/year=\u0662\u0660\u0662\u0664/month=01/day=17/_manifest.json",
        "raw/\u00c4/year=2024/month=01/day=17/_manifest.json",
        "raw//year=2024/month=01/day=17/_manifest.json",
        "raw/shop/year=2024/month=01/day=17/",
        "backup/raw/shop/year=2024/month=01/day=17/_manifest.json",
    ],
)
def test_objects_of_others_in_the_bucket_are_not_partitions(key: str) -> None:
    assert read_key(key) is None


@pytest.mark.parametrize(
    ("retailer_id", "day", "object_key"),
    [
        ("other", DAY, raw_key("shop", DAY)),
        ("shop", date(2024, 1, 18), raw_key("shop", DAY)),
        ("shop", DAY, raw_key("other", DAY)),
    ],
)
def test_a_manifest_that_was_copied_from_another_partition_is_not_loaded(
    retailer_id: str, day: date, object_key: str
) -> None:
    bucket = Objects({manifest_key(retailer_id, day): _manifest(object_key)})
    with pytest.raises(StopRun, match="is not its own"):
        read_manifest(bucket, retailer_id, day)
    assert find_manifest(bucket, retailer_id, day) is None


def test_a_manifest_in_its_own_partition_is_found() -> None:
    bucket = Objects({manifest_key("shop", DAY): _manifest(raw_key("shop", DAY))})
    assert find_manifest(bucket, "shop", DAY) == read_manifest(bucket, "shop", DAY)
