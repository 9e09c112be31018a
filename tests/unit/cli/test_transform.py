"""`retail transform`: what happens before the stage."""

from __future__ import annotations

from typing import Any

import pytest
import typer

import cli.transform
import transformation.main
from shared.config import Settings
from transformation.main import TransformResult

SETTINGS = {"WAREHOUSE_DSN": "postgresql://u:p@h/d", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the command has done, in its order."""
    steps: list[str] = []

    def transform(day: Any, *_: Any, **__: Any) -> TransformResult:
        steps.append("transform")
        return TransformResult(day, ())

    def finish(settings: Settings) -> None:
        steps.append("finish")

    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cli.transform, "finish_killed_runs", finish)
    monkeypatch.setattr(transformation.main, "transform_with_alerts", transform)
    return steps


def command(day: str) -> int:
    with pytest.raises(typer.Exit) as ended:
        cli.transform.transform(day=day, retailer=None, insert_only=False, as_json=True)
    return ended.value.exit_code


def test_a_mistake_in_the_arguments_is_reported_before_anything_is_done(done: list[str]) -> None:
    assert (command("2024-13-99"), done) == (2, [])


def test_killed_runs_are_finished_first(done: list[str]) -> None:
    assert (command("2024-01-15"), done) == (0, ["finish", "transform"])
