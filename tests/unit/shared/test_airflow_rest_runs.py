from __future__ import annotations

from datetime import date

from shared.airflow_rest.runs import last_error, read_run
from tests.fakes.airflow_api import run_facts


def test_the_last_error_of_a_log_is_found() -> None:
    log = [
        {"level": "info", "event": "started"},
        {"level": "error", "event": "Task failed with exception"},
        {"level": "error", "event": "retailer_2 rejected our key", "what": "task_failed"},
        {"level": "info", "event": "done"},
    ]

    assert last_error(log) == "retailer_2 rejected our key"
    assert "see its log" in last_error([])


def test_a_manual_run_is_for_the_chosen_date_or_else_for_the_day_before_it_was_triggered() -> None:
    assert read_run(run_facts("m", "queued", conf={"date": "2024-01-15"}), "UTC").day == date(2024, 1, 15)
    triggered = run_facts("m", "queued", conf=None, run_after="2024-01-15T03:00:00Z")
    assert read_run(triggered, "UTC").day == date(2024, 1, 14)
    assert read_run(triggered, "America/New_York").day == date(2024, 1, 13)


def test_a_running_run_has_no_duration() -> None:
    times = {"start_date": "2024-01-15T03:00:00Z", "end_date": "2024-01-15T03:00:07Z"}
    assert read_run(run_facts("m", "success", **times), "UTC").seconds == 7.0
    assert read_run(run_facts("m", "running", **times), "UTC").seconds is None
