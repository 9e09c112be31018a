"""Flows as OpenLineage events. Importing the client's classes takes most of a second: import this only to send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    error_message_run,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)

from monitoring.lineage.datasets import DataSet
from monitoring.lineage.flows import Flow
from monitoring.lineage.runs import LineageRun, Parent
from shared.version import CODE_VERSION

PRODUCER = f"urn:retail-analytics-platform:{CODE_VERSION}"
"""OpenLineage requires a URI that names the program and its version."""


@dataclass(frozen=True)
class LineageEvent:
    """The start or end of a run."""

    run: LineageRun
    parent: Parent | None
    namespace: str
    at: datetime
    state: str
    """START, COMPLETE or FAIL."""
    flows: Sequence[Flow] = ()
    error: str | None = None


def to_openlineage(event: LineageEvent) -> RunEvent:
    """The event as OpenLineage defines it."""
    return RunEvent(
        eventTime=event.at.isoformat(),
        eventType=RunState(event.state),
        producer=PRODUCER,
        run=Run(runId=str(event.run.id), facets=_run_facets(event)),
        job=Job(
            namespace=event.namespace,
            name=event.run.job,
            facets={
                "jobType": job_type_job.JobTypeJobFacet(
                    processingType="BATCH", integration="RETAIL", jobType="TASK", producer=PRODUCER
                )
            },
        ),
        inputs=[
            InputDataset(namespace=each.namespace, name=each.name, facets=_schema(each))
            for each in _distinct(flow.source for flow in event.flows)
        ],
        outputs=[_output(each, event.flows) for each in _distinct(flow.target for flow in event.flows)],
    )


def _run_facets(event: LineageEvent) -> dict[str, Any]:
    day = event.run.business_date
    facets: dict[str, Any] = {
        "nominalTime": nominal_time_run.NominalTimeRunFacet(
            nominalStartTime=f"{day}T00:00:00+00:00",
            nominalEndTime=f"{day + timedelta(days=1)}T00:00:00+00:00",
            producer=PRODUCER,
        )
    }
    if event.parent:
        facets["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(runId=str(event.parent.id)),
            job=parent_run.Job(namespace=event.namespace, name=event.parent.job),
            producer=PRODUCER,
        )
    if event.error:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=event.error, programmingLanguage="python", producer=PRODUCER
        )
    return facets


def _output(target: DataSet, flows: Sequence[Flow]) -> OutputDataset:
    into = [flow for flow in flows if flow.target == target]
    facets = _schema(target)
    if fields := _column_lineage(into):
        facets["columnLineage"] = column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields, producer=PRODUCER)
    rows, size = _total(into)
    statistics: dict[str, Any] = {}
    if rows is not None:
        statistics["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=rows, size=size, producer=PRODUCER
        )
    return OutputDataset(namespace=target.namespace, name=target.name, facets=facets, outputFacets=statistics)


def _schema(data_set: DataSet) -> dict[str, Any]:
    if not data_set.columns:
        return {}
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=name, type=column.type)
        for name, column in data_set.columns.items()
    ]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER)}


def _column_lineage(flows: Sequence[Flow]) -> dict[str, column_lineage_dataset.Fields]:
    made: dict[str, list[column_lineage_dataset.InputField]] = {}
    for source, target in _distinct((flow.source, flow.target) for flow in flows):
        for column, fields in target.columns_from(source).items():
            made.setdefault(column, []).extend(
                column_lineage_dataset.InputField(source.namespace, source.name, field) for field in fields
            )
    return {column: column_lineage_dataset.Fields(inputFields=fields) for column, fields in made.items()}


def _total(flows: Sequence[Flow]) -> tuple[int | None, int | None]:
    """Rows and bytes of one target: its sources share them, its dates add up."""
    rows: dict[date, int] = {}
    sizes: dict[date, int] = {}
    for flow in flows:
        if flow.rows is None:
            return None, None
        rows[flow.first_date] = max(flow.rows, rows.get(flow.first_date, 0))
        sizes[flow.first_date] = flow.size_bytes or 0
    return sum(rows.values()), sum(sizes.values()) or None


def _distinct(items: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(items))
