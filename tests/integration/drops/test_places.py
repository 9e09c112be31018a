"""The same behaviour wherever files are dropped: in a folder, in a bucket, on an SFTP server."""

from __future__ import annotations

from tempfile import gettempdir

from tests.integration.drops.conftest import Drops, sales_of, statuses


def test_each_file_is_loaded_once_per_content_and_moved_when_it_is_done(any_drops: Drops) -> None:
    drops = any_drops
    drops.define(read={"done": "move"})
    drops.place.put("15.csv", sales_of(15))
    drops.place.put("broken.csv", "Receipt,Qty\nR1,1\n")
    drops.place.put("later.csv.part", sales_of(17))
    drops.place.put(".hidden.csv", sales_of(18))

    first = drops.load()

    assert statuses(first) == {"15.csv": "loaded", "broken.csv": "rejected"}
    assert not first.ok
    assert "needs the columns" in first.describe_problems()
    assert "retail-scratch" not in first.describe_problems().replace(gettempdir(), "")
    assert drops.platform.facts()[0] == 10
    assert drops.place.names() == [".hidden.csv", "broken.csv", "later.csv.part"]
    assert [name.partition("-")[2] for name in drops.place.names("done")] == ["15.csv"]
    assert drops.alerts() == [
        ("schema_changed", "shop sends other fields than before"),
        ("task_failed", "1 file of shop rejected"),
    ]

    ((where, name),) = drops.platform.query(
        "SELECT DISTINCT source_namespace, source_name FROM ops.data_lineage WHERE stage = 'ingest'"
    )
    assert "retail-scratch" not in name.replace(gettempdir(), "")
    assert f"{where}{name}".endswith("drops/15.csv")

    versions = drops.platform.versions()
    drops.place.put("copy-of-15.csv", sales_of(15))
    drops.place.put("16.csv", sales_of(16))
    second = drops.load()

    assert statuses(second) == {"copy-of-15.csv": "duplicate", "16.csv": "loaded"}
    assert second.rejected_before == ["broken.csv"]
    assert drops.platform.facts()[0] == 20
    assert drops.platform.versions()[:10] == versions
    assert drops.place.names() == [".hidden.csv", "broken.csv", "later.csv.part"]

    drops.place.put("broken.csv", sales_of(17))
    third = drops.load()

    assert statuses(third) == {"broken.csv": "loaded"}
    assert drops.alerts() == []
    assert drops.load().files == []
