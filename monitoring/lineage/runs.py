"""Runs of stages as lineage knows them, and the runs they are part of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import NAMESPACE_URL, UUID, uuid5

GROUPS = {"run": "retail_run", "etl": "retail_etl"}
"""Commands that run several stages: the beginning of their run ids, and their names as jobs."""
PER_RETAILER = ("ingest", "transform")
"""Stages whose retailers succeed or fail separately: they have a run for every retailer."""
WITHOUT_DATA = ("plan",)
"""Stages that move no data, so that lineage has no run of them."""


@dataclass(frozen=True)
class LineageRun:
    """A run of a stage for one retailer, or for all of them at once."""

    run_id: str
    stage: str
    business_date: date
    retailer_id: str | None = None

    @property
    def job(self) -> str:
        """`quality`, `ingest.retailer_1`."""
        return f"{self.stage}.{self.retailer_id}" if self.retailer_id else self.stage

    @property
    def id(self) -> UUID:
        """The same id for the same run in every process, so a retried task continues its run."""
        return _id(self.run_id, self.stage, str(self.business_date), self.retailer_id or "")


@dataclass(frozen=True)
class Parent:
    """The run that a stage's run is a part of."""

    job: str
    id: UUID


def lineage_runs(run_id: str, stage: str, day: date, retailers: tuple[str, ...]) -> list[LineageRun]:
    """The runs of a stage: one per retailer where they succeed or fail separately, none where it moves no data."""
    if stage in WITHOUT_DATA:
        return []
    parts = retailers if stage in PER_RETAILER and retailers else (None,)
    return [LineageRun(run_id, stage, day, part) for part in parts]


def parent_of(run_id: str, environ: Mapping[str, str] = os.environ) -> Parent | None:
    """The DAG run when Airflow runs the stage, the command when it runs several stages; else none."""
    if environ.get("AIRFLOW_CTX_DAG_RUN_ID") == run_id:
        dag_id = environ.get("AIRFLOW_CTX_DAG_ID", "")
        return Parent(dag_id, _id(dag_id, run_id))
    group = GROUPS.get(run_id.partition("-")[0])
    return Parent(group, _id(group, run_id)) if group else None


def _id(*parts: str) -> UUID:
    return uuid5(NAMESPACE_URL, "/".join(("retail-analytics", *parts)))
