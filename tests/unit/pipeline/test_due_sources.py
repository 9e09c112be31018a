from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.due_sources import choose_due, is_due
from shared.sources.definition import SourceDefinition
from shared.sources.registry import Sources

NOW = datetime(2024, 7, 1, 4, 5, tzinfo=UTC)  # 06:05 in Berlin


def source(schedule: str, name: str = "shop", *, enabled: bool = True) -> SourceDefinition:
    return SourceDefinition.model_validate(
        {
            "id": name,
            "name": name,
            "connector": "files",
            "schedule": schedule,
            "enabled": enabled,
            "time_zone": "Europe/Berlin",
            "connection": {"location": "drops/*.csv"},
            "mapping": {},
        }
    )


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


def test_a_cron_schedule_is_due_when_one_of_its_times_has_passed_since_the_last_listing() -> None:
    at_six = source("0 6 * * *")
    assert is_due(at_six, ago(minutes=10), NOW)
    assert not is_due(at_six, ago(minutes=4), NOW)
    assert is_due(at_six, ago(days=3), NOW)
    assert is_due(at_six, None, NOW)


def test_the_times_are_those_of_the_time_zone_of_the_source() -> None:
    assert not is_due(source("0 4 * * *"), ago(minutes=10), NOW)


def test_files_on_arrival_are_always_due_and_those_of_daily_runs_and_commands_never() -> None:
    assert is_due(source("on_arrival"), ago(seconds=1), NOW)
    assert not is_due(source("daily"), None, NOW)
    assert not is_due(source("manual"), None, NOW)


def test_a_disabled_source_is_not_due() -> None:
    definitions = {"a": source("on_arrival", "a"), "b": source("on_arrival", "b", enabled=False)}
    assert choose_due(Sources(definitions=definitions), {}, NOW) == ["a"]
