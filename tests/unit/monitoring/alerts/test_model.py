from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

import monitoring.alerts
from monitoring.alerts import KINDS, SEVERITIES, Alert
from monitoring.alerts.model import rank

FAILED = Alert("task_failed", "error", "it failed", "why", date(2026, 11, 20), "retailer_2", "dag", "run 1", "ingest")


@pytest.mark.parametrize(
    "again",
    [
        pytest.param({"run_id": "run 2"}, id="another run"),
        pytest.param({"severity": "critical"}, id="another severity"),
        pytest.param({"summary": "other words", "detail": "another reason", "link": "http://x"}, id="other words"),
    ],
)
def test_the_same_cause_has_the_same_fingerprint(again: dict[str, str]) -> None:
    assert replace(FAILED, **again).fingerprint == FAILED.fingerprint  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        {"retailer_id": "retailer_1"},
        {"retailer_id": None},
        {"business_date": date(2026, 11, 21)},
        {"task_id": "transform"},
        {"dag_id": "retail_maintenance"},
        {"kind": "missing_data"},
    ],
    ids=str,
)
def test_another_cause_has_another_fingerprint(other: dict[str, object]) -> None:
    assert replace(FAILED, **other).fingerprint != FAILED.fingerprint  # type: ignore[arg-type]


def test_missing_data_is_the_same_whoever_finds_it() -> None:
    found = Alert("missing_data", "error", "s", "", date(2026, 11, 20), "retailer_2", "retail_maintenance", "r", "gaps")

    assert found.fingerprint == "missing_data/retailer_2/2026-11-20"
    assert replace(found, dag_id="retail_data_pipeline", task_id="last").fingerprint == found.fingerprint


@pytest.mark.parametrize("wrong", [{"kind": "flood"}, {"severity": "fatal"}])
def test_what_the_table_would_reject_is_rejected_at_once(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong.values()))):
        replace(FAILED, **wrong)  # type: ignore[arg-type]


def test_severities_are_ranked() -> None:
    assert [rank(each) for each in SEVERITIES] == [0, 1, 2, 3]
    assert rank("critical") > rank("warning")


def test_every_fact_of_a_fingerprint_is_one_of_an_alert() -> None:
    assert {name for names in KINDS.values() for name in names} <= set(Alert.__dataclass_fields__)


def test_the_package_offers_what_it_says() -> None:
    assert [name for name in monitoring.alerts.__all__ if not hasattr(monitoring.alerts, name)] == []
