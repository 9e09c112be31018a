"""What the steps of a load declare of temporary tables is what their statements do on a real PostgreSQL."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg2.sql import Composable

from local_stack.databases import WarehouseAccess
from tests.fakes.raw_zone import DAY, record
from tests.integration.transformation.test_load_paths import NOW, Loader
from transformation.load.context import LoadState
from transformation.load.plan import LoadPath
from transformation.load.steps import STEPS
from transformation.load.transaction import LoadTransaction, Step
from transformation.processors import star_schema_processor

_COMMENT = re.compile(r"--.*")
_CREATED = re.compile(r"CREATE TEMP TABLE (\w+)")
_READ = re.compile(r"\b(?:FROM|JOIN|USING) (\w+)")


class RecordingCursor:
    """A cursor that keeps the text of what it runs."""

    def __init__(self, cursor: Any, statements: list[str]) -> None:
        self._cursor, self._statements = cursor, statements

    def execute(self, query: Any, parameters: Any = None) -> None:
        self._keep(query)
        self._cursor.execute(query, parameters)

    def copy_expert(self, query: Any, file: Any, **named: Any) -> None:
        self._keep(query)
        self._cursor.copy_expert(query, file, **named)

    def _keep(self, query: Any) -> None:
        text = query.as_string(self._cursor) if isinstance(query, Composable) else query
        self._statements.append(_COMMENT.sub("", text.decode() if isinstance(text, bytes) else text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def recorded(step: Step, statements: list[str]) -> Step:
    """The step, with what it runs added to `statements`."""

    def run(tx: LoadTransaction, state: LoadState) -> LoadState:
        cursor = tx.cursor
        tx.cursor = RecordingCursor(cursor, statements)  # type: ignore[assignment]
        try:
            return step.run(tx, state)
        finally:
            tx.cursor = cursor

    return replace(step, run=run)


def load_in_every_way(loader: Loader) -> None:
    """New, changed, split and withdrawn lines, insert-only, and a month that is replaced."""
    later = DAY + timedelta(days=1)
    loader.land(record("1"), record("2"), record("3", transaction="T2"))
    loader.load(path=LoadPath.MERGE)
    loader.land(record("1", qty=3, changed_at=NOW), record("2"))
    loader.load(path=LoadPath.MERGE)
    loader.land(record("2", day=later, changed_at=NOW), day=later)
    loader.load(later, path=LoadPath.MERGE)
    loader.land(record("9", transaction="T9", day=later), day=later)
    loader.load(later, path=LoadPath.MERGE)
    loader.land(record("4", transaction="T4", customer_segment="platinum"), record("1", qty=3, changed_at=NOW))
    loader.load(insert_only=True)
    loader.load(path=LoadPath.BUILD)


def test_steps_read_and_make_the_temporary_tables_that_they_declare(
    warehouse: WarehouseAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: dict[str, list[str]] = defaultdict(list)
    steps = tuple(recorded(step, statements[step.name]) for step in STEPS)
    monkeypatch.setattr(star_schema_processor, "STEPS", steps)
    load_in_every_way(Loader(warehouse, tmp_path))

    every_table = {name for step in STEPS for name in step.makes}
    read_anywhere: set[str] = set()
    for step in STEPS:
        text = "\n".join(statements[step.name])
        read = set(_READ.findall(text)) & every_table
        assert set(_CREATED.findall(text)) == set(step.makes), step.name
        assert read - set(step.makes) == set(step.needs), step.name
        read_anywhere |= read
    assert read_anywhere == every_table, "a temporary table that nothing reads"
