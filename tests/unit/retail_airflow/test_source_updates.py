from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.drop_result import DropResult, FileOutcome
from pipeline.file_drops import DropBusy
from retail_airflow import source_updates
from shared.errors import FixConfiguration, RetryLater


class Failed(Exception):
    """Airflow's exception for a task that is not tried again."""


class Skipped(Exception):
    """Airflow's exception for a task that has nothing to do."""


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """What the task comes to when the load of the files ends like this. Airflow takes ten seconds to import."""

    def end(found: Any) -> Any:
        def load(*_: Any, **__: Any) -> DropResult:
            if isinstance(found, Exception):
                raise found
            return found  # type: ignore[no-any-return]

        def fail(message: str, *, alerted: bool = False) -> None:
            raise Failed(message, alerted)

        def skip(reason: str) -> None:
            raise Skipped(reason)

        monkeypatch.setattr("pipeline.file_drops.load_drops", load)
        monkeypatch.setattr("retail_airflow.source_updates.load_settings", lambda: None)
        monkeypatch.setattr("retail_airflow.source_updates.fail_without_retry", fail)
        monkeypatch.setattr("retail_airflow.source_updates.skip", skip)
        return source_updates.load_source("shop")

    return end


def result(**given: Any) -> DropResult:
    return DropResult("shop", "drops/*.csv", **given)


def test_the_task_returns_what_became_of_each_file(outcome: Callable[[Any], Any]) -> None:
    loaded = outcome(result(listed=1, files=[FileOutcome("a.csv", "loaded", load_id=3)]))
    assert loaded["files"] == [{"name": "a.csv", "status": "loaded", "reason": None, "load_id": 3}]


def test_a_rejected_file_fails_the_task_without_another_alert_and_without_a_retry(
    outcome: Callable[[Any], Any],
) -> None:
    with pytest.raises(Failed) as caught:
        outcome(result(files=[FileOutcome("a.csv", "rejected", "it is empty")]))
    assert caught.value.args == ("a.csv was rejected: it is empty", True)


def test_a_problem_that_no_alert_names_is_alerted_by_the_task(outcome: Callable[[Any], Any]) -> None:
    with pytest.raises(Failed) as caught:
        outcome(result(problems=["a.csv cannot be moved"]))
    assert caught.value.args == ("a.csv cannot be moved", False)


def test_a_run_that_stopped_is_tried_again_and_a_second_run_leaves(outcome: Callable[[Any], Any]) -> None:
    with pytest.raises(RetryLater, match="does not respond"):
        outcome(result(problems=["the server does not respond"], stopped=True))
    with pytest.raises(RetryLater, match="no connection"):
        outcome(RetryLater("no connection"))
    with pytest.raises(Skipped, match="Another run"):
        outcome(DropBusy("Another run is loading the files of shop."))


def test_a_wrong_definition_fails_the_task_without_a_retry(outcome: Callable[[Any], Any]) -> None:
    with pytest.raises(Failed, match="host key"):
        outcome(FixConfiguration("another host key"))
