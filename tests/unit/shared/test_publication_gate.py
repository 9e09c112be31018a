from __future__ import annotations

import ast
from pathlib import Path

from shared.config import PROJECT_ROOT
from shared.partitions import ControlReport
from shared.publication_gate import LandedContent
from tests.fakes.raw_zone import RawZone, record

PRODUCT = ("transformation", "pipeline", "cli", "ingestion", "maintenance", "airflow")


def test_every_load_of_the_product_has_a_gate() -> None:
    loads = [
        (path.name, {keyword.arg for keyword in node.keywords})
        for folder in PRODUCT
        for path in Path(PROJECT_ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "LoadOptions"
    ]
    assert len(loads) >= 3
    assert [name for name, keywords in loads if "gate" not in keywords] == []


def test_digests_of_what_is_landed_change_with_the_records_the_rejects_and_the_report_only() -> None:
    manifest = RawZone().land([record("1")])
    again = manifest.model_copy(update={"run_id": "another", "code_version": "next"})
    landed = LandedContent(manifest, "records")
    assert LandedContent(again, "records").landed_digest == landed.landed_digest
    reordered = LandedContent(manifest.model_copy(update={"sha256": "0"}), "records")
    assert reordered.landed_digest != landed.landed_digest
    assert reordered.content_digest == landed.content_digest
    changes: tuple[dict[str, object], ...] = (
        {"rejected": 1, "fetched": 2},
        {"control_report": ControlReport(lines=2, net={})},
        {"control_report": None},
    )
    changed = [LandedContent(manifest.model_copy(update=change), "records") for change in changes]
    assert len({each.landed_digest for each in [*changed, landed]}) == len(changes) + 1
    assert len({each.content_digest for each in [*changed, landed]}) == len(changes) + 1
    assert LandedContent(manifest, "others").content_digest != landed.content_digest
