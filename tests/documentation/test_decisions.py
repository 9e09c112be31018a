"""The decision records are numbered, are listed, and say when to reconsider them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config import PROJECT_ROOT

RECORDS = sorted((PROJECT_ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_decision_ends_with_when_to_revisit_it(record: Path) -> None:
    paragraphs = record.read_text(encoding="utf-8").strip().split("\n\n")
    assert paragraphs[0].startswith(f"# {record.name[:4]} ")
    assert paragraphs[-1].startswith("**Revisit when**")


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_every_decision_is_in_the_list() -> None:
    index = (PROJECT_ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [record.name for record in RECORDS if f"({record.name})" not in index] == []
