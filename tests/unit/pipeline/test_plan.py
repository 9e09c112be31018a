"""Which sources a run is for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from pipeline.plan import choose
from shared.errors import FixConfiguration
from shared.sources.registry import Sources, load_sources
from tests.fakes.source_definitions import write_source

DAY = date(2024, 1, 15)


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """One source of each kind of schedule, and one whose definition has an error."""
    files = {
        "daily_shop": (),
        "later_shop": ("start_date: 2024-02-01",),
        "manual_shop": ("schedule: manual",),
        "closed_shop": ("enabled: false",),
        "wrong_shop": ("schedule: hourly",),
    }
    for name, lines in files.items():
        write_source(tmp_path, name, *lines)
    return load_sources({}, tmp_path)


def test_a_run_is_for_the_sources_that_are_due_and_for_broken_definitions(sources: Sources) -> None:
    assert choose(sources, None, DAY) == ("daily_shop", "wrong_shop")
    assert choose(sources, (), date(2024, 2, 1)) == ("daily_shop", "later_shop", "wrong_shop")


def test_a_named_source_need_not_be_due(sources: Sources) -> None:
    assert choose(sources, ["manual_shop", "daily_shop"], DAY) == ("manual_shop", "daily_shop")


@pytest.mark.parametrize(
    ("names", "reason"), [(["nobody"], "Unknown retailer: nobody"), (["closed_shop"], "closed_shop is disabled")]
)
def test_a_name_that_cannot_be_read_is_a_mistake(sources: Sources, names: Sequence[str], reason: str) -> None:
    with pytest.raises(FixConfiguration, match=reason):
        choose(sources, names, DAY)


def test_without_any_definition_a_run_fails_and_without_a_due_one_it_has_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(FixConfiguration, match="There is no source in"):
        choose(load_sources({}, tmp_path), None, DAY)

    write_source(tmp_path, "manual_shop", "schedule: manual")
    assert choose(load_sources({}, tmp_path), None, DAY) == ()
