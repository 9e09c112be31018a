"""The runs of a stage in lineage, and whether a receiver is configured."""

from __future__ import annotations

from datetime import date

import pytest

from monitoring.lineage.runs import LineageRun, lineage_runs, parent_of
from monitoring.lineage.sender import configured

DAY = date(2024, 1, 15)


def test_stages_that_work_per_retailer_are_a_run_of_each() -> None:
    runs = lineage_runs("r", "ingest", DAY, ("retailer_1", "retailer_2"))

    assert [each.job for each in runs] == ["ingest.retailer_1", "ingest.retailer_2"]
    assert len({each.id for each in runs}) == 2
    assert [each.job for each in lineage_runs("r", "quality", DAY, ())] == ["quality"]


def test_a_run_that_is_tried_again_keeps_its_id() -> None:
    assert LineageRun("r", "refresh", DAY).id == LineageRun("r", "refresh", DAY).id
    assert LineageRun("r", "refresh", DAY).id != LineageRun("s", "refresh", DAY).id


def test_the_parent_is_the_dag_run_when_airflow_runs_the_stage() -> None:
    airflow = {"AIRFLOW_CTX_DAG_ID": "retail_data_pipeline", "AIRFLOW_CTX_DAG_RUN_ID": "manual__1"}
    parent = parent_of("manual__1", airflow)

    assert parent is not None and parent.job == "retail_data_pipeline"
    assert parent_of("ingest-20240116T020000Z-abc", airflow) is None
    group = parent_of("run-20240116T020000Z-abc", {})
    assert group is not None and group.job == "retail_run"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"OPENLINEAGE_URL": ""}, False),
        ({"OPENLINEAGE_URL": "http://marquez:5000"}, True),
        ({"OPENLINEAGE_CONFIG": "/etc/openlineage.yml"}, True),
        ({"OPENLINEAGE__TRANSPORT": '{"type": "console"}'}, True),
        ({"OPENLINEAGE__TRANSPORT__TYPE": "file"}, True),
        ({"OPENLINEAGE_URL": "http://marquez:5000", "OPENLINEAGE_DISABLED": "True"}, False),
        ({"OPENLINEAGE_NAMESPACE": "x"}, False),
    ],
)
def test_events_are_sent_only_when_a_receiver_is_named(environ: dict[str, str], expected: bool) -> None:
    assert configured(environ) is expected
