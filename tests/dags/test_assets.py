"""The warehouse's tables and views as assets, and the example that hangs on them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from materialized_views.catalog import view_definitions
from monitoring.lineage.datasets import declarations

VIEWS = tuple(view_definitions())
OBJECTS = {"sales_record", "rejected", "processed"}
CHECKS = {"data_quality_results", "data_quality_scores"}


@pytest.fixture
def warehouse(dag_bag: Any) -> Any:
    from retail_airflow import assets as airflow_assets

    return airflow_assets


@pytest.fixture
def described(warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The details of the current task's events, by asset."""
    extras: dict[str, dict[str, Any]] = {}

    class Events:
        def __getitem__(self, key: Any) -> Any:
            return SimpleNamespace(extra=extras.setdefault(key.name, {}))

    monkeypatch.setattr(warehouse, "get_current_context", lambda: {"outlet_events": Events()})
    return extras


def test_assets_are_what_the_stages_write(warehouse: Any, dag: Any) -> None:
    written = {kind for kind, declared in declarations().items() if declared.read} - OBJECTS - CHECKS
    outlets = {task.task_id: {asset.name for asset in task.outlets} for task in dag.tasks if task.outlets}

    assert outlets == {
        "transform_s3_to_postgres": written - set(VIEWS),
        "refresh_materialized_views": {"materialized_views", *VIEWS},
    }
    assert set(warehouse.VIEWS) == set(VIEWS)


def test_the_names_that_other_dags_know_keep_their_uris(dag: Any) -> None:
    """Airflow rejects every task that names an asset whose URI has changed under its name."""
    for task in dag.tasks:
        for asset in task.outlets:
            assert (asset.uri, asset.group) == (asset.name, "warehouse")
    names = {asset.name for task in dag.tasks for asset in task.outlets}
    assert {"fact_sales", "materialized_views"} <= names


def test_events_of_a_load_say_what_it_did(warehouse: Any, described: dict[str, Any]) -> None:
    counts = {"inserted": 5, "updated": 1, "unchanged": 2, "withdrawn": 0, "in_warehouse": 8}
    facts = {
        "retailers": {
            "retailer_1": {
                "retailer_id": "retailer_1",
                "status": "published",
                "partitions": [{"business_date": day, **counts} for day in ("2024-01-14", "2024-01-15")],
            },
            "retailer_2": {"retailer_id": "retailer_2", "status": "failed", "partitions": []},
        }
    }

    assert warehouse.loaded(facts, "2024-01-15") is facts
    assert described["fact_sales"] == {
        "business_date": "2024-01-15",
        "business_dates": ["2024-01-14", "2024-01-15"],
        "retailers": ["retailer_1"],
        "missing_retailers": ["retailer_2"],
        "inserted": 10,
        "updated": 2,
        "unchanged": 4,
        "withdrawn": 0,
        "in_warehouse": 16,
    }
    assert set(described) == set(warehouse.TABLES)
    assert described["dim_product"]["business_date"] == "2024-01-15"


def test_events_of_a_refresh_say_how_many_rows_each_view_has(warehouse: Any, described: dict[str, Any]) -> None:
    facts = {"views": [{"view": name, "rows": 3, "seconds": 0.1} for name in VIEWS], "seconds": 0.6}

    warehouse.refreshed(facts, "2024-01-15")
    assert described["materialized_views"]["rows"] == dict.fromkeys(VIEWS, 3)
    assert described["mv_daily_sales_summary"] == {"business_date": "2024-01-15", "rows": 3}


def test_several_events_may_start_one_report(warehouse: Any) -> None:
    events = [
        SimpleNamespace(extra=extra) for extra in ({"business_date": "2024-01-16"}, {"business_date": "2024-01-15"})
    ]

    assert warehouse.business_dates([*events, events[0], SimpleNamespace(extra={})]) == ["2024-01-15", "2024-01-16"]


def test_the_example_waits_for_the_views_and_runs_only_when_switched_on(dag_bag: Any) -> None:
    example = dag_bag.dags["example_sales_report"]

    assert [asset.name for asset in example.timetable.asset_condition.objects] == ["materialized_views"]
    assert example.is_paused_upon_creation
    assert [task.task_id for task in example.tasks if task.task_id not in example.doc_md] == []
