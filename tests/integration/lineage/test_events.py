"""What a receiver of OpenLineage events gets from a complete run, and what the warehouse keeps."""

from __future__ import annotations

import json
import signal
import socket
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from openlineage.client import event_v2
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    error_message_run,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
    tags_run,
)

from materialized_views.catalog import view_definitions
from tests.copied_process import CopiedProcess, run_new
from transformation.main import run

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.cli.conftest import Retail
    from tests.integration.ingestion.conftest import Platform
    from tests.integration.lineage.conftest import Receiver

DAY = "2024-01-17"
RETAILERS = ("retailer_1", "retailer_2", "retailer_3")
FACETS = {
    "schema": schema_dataset.SchemaDatasetFacet,
    "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "nominalTime": nominal_time_run.NominalTimeRunFacet,
    "parent": parent_run.ParentRunFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "tags": tags_run.TagsRunFacet,
}


def raw(retailer: str) -> str:
    return f"raw/{retailer}/year=2024/month=01/day=17/sales_data.json"


def by_name(data_sets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in data_sets}


def rebuilt(event: dict[str, Any]) -> event_v2.RunEvent:
    """The event through the client's own classes, which check names, times, ids and facets."""

    def facets(of: dict[str, Any]) -> dict[str, Any]:
        return {
            name: FACETS[name](**{key: value for key, value in facet.items() if not key.startswith("_")})
            for name, facet in of.items()
        }

    return event_v2.RunEvent(
        eventTime=event["eventTime"],
        eventType=event_v2.RunState(event["eventType"]),
        producer=event["producer"],
        run=event_v2.Run(event["run"]["runId"], facets(event["run"]["facets"])),
        job=event_v2.Job(event["job"]["namespace"], event["job"]["name"], facets(event["job"]["facets"])),
        inputs=[event_v2.InputDataset(it["namespace"], it["name"]) for it in event["inputs"]],
        outputs=[
            event_v2.OutputDataset(
                it["namespace"], it["name"], facets=facets(it["facets"]), outputFacets=facets(it["outputFacets"])
            )
            for it in event["outputs"]
        ],
    )


def test_events_of_a_run_have_the_names_columns_and_counts_of_the_ledger(
    platform: Platform, retail: Retail, receiver: Receiver
) -> None:
    done = retail({**platform.environment, "OPENLINEAGE_URL": receiver.url}, "run", DAY, "--only-this-date")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lineage" not in done.stderr

    jobs = [f"{stage}.{retailer}" for stage in ("ingest", "transform") for retailer in RETAILERS]
    expected = {(job, state) for job in (*jobs, "quality", "refresh") for state in ("START", "COMPLETE")}
    assert sorted(receiver.states()) == sorted(expected)
    assert receiver.paths == {"/api/v1/lineage"}
    for event in receiver.events:
        rebuilt(event)
        assert event["run"]["facets"]["parent"]["job"]["name"] == "retail_run"
        assert event["run"]["facets"]["nominalTime"]["nominalStartTime"] == f"{DAY}T00:00:00+00:00"

    database = urlsplit(platform.dsn)
    warehouse, prefix = f"postgres://{database.hostname}:{database.port}", database.path.lstrip("/")
    for retailer, landed, rejected, written, size in platform.query(
        "SELECT retailer_id, landed, rejected, inserted + updated,"
        " details->'retailers'->retailer_id->'dates'->0->'size_bytes'"
        " FROM load_ledger JOIN pipeline_runs USING (run_id) WHERE stage = 'ingest'"
    ):
        sent = receiver.last(f"ingest.{retailer}")
        api = urlsplit(platform.environment[f"RETAILER{retailer[-1]}_API_URL"])
        assert [each["namespace"] for each in sent["inputs"]] == [f"http://{api.netloc}"]
        outputs = by_name(sent["outputs"])
        assert outputs[raw(retailer)]["namespace"] == f"s3://{platform.s3.bucket_raw}"
        statistics = outputs[raw(retailer)]["outputFacets"]["outputStatistics"]
        assert (statistics["rowCount"], statistics["size"]) == (landed, size)
        kept = outputs.get(raw(retailer).replace("raw/", "rejected/").replace("sales_data", "rejected"))
        assert (kept["outputFacets"]["outputStatistics"]["rowCount"] if kept else 0) == rejected

        sent = receiver.last(f"transform.{retailer}")
        outputs = by_name(sent["outputs"])
        assert raw(retailer) in by_name(sent["inputs"])
        sales = outputs[f"{prefix}.public.fact_sales"]
        assert sales["namespace"] == warehouse
        assert sales["outputFacets"]["outputStatistics"]["rowCount"] == written
        fields = sales["facets"]["columnLineage"]["fields"]
        assert fields["net_amount"]["inputFields"] == [
            {
                "namespace": f"s3://{platform.s3.bucket_raw}",
                "name": raw(retailer),
                "field": "net_amount",
                "transformations": [],
            }
        ]
        columns = platform.query(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'fact_sales'"
            " ORDER BY ordinal_position"
        )
        assert [(field["name"],) for field in sales["facets"]["schema"]["fields"]] == columns

    views = by_name(receiver.last("refresh")["outputs"])
    for name, view in views.items():
        count = platform.query(f"SELECT count(*) FROM {name.rpartition('.')[2]}")[0][0]
        assert view["outputFacets"]["outputStatistics"]["rowCount"] == count
    assert {name.rpartition(".")[2] for name in views} == set(view_definitions())


def test_the_warehouse_keeps_what_was_sent(platform: Platform, retail: Retail, receiver: Receiver) -> None:
    environment = {**platform.environment, "OPENLINEAGE_URL": receiver.url}
    assert retail(environment, "run", DAY, "--only-this-date").returncode == 0
    sent = {
        (source["name"], target["name"])
        for event in receiver.events
        for target in event["outputs"]
        for source in event["inputs"]
    }
    kept = platform.query("SELECT source_name, target_name, columns, rows_written, run_id FROM data_lineage")
    assert {(source, target) for source, target, *_ in kept} <= sent
    assert {target for _, target, *_ in kept} == {target for _, target in sent}
    assert len({run_id for *_, run_id in kept}) == 1
    columns = next(columns for source, target, columns, *_ in kept if target.endswith(".fact_sales"))
    assert columns["customer_key"] == ["customer_id", "sold_at"]


def test_without_a_receiver_lineage_is_kept_and_nothing_is_imported(platform: Platform) -> None:
    environment = {**platform.environment, "PATH": "/usr/bin:/bin", "PYTHONPROFILEIMPORTTIME": "1"}
    done = run_new(".", "-m", "cli", "run", DAY, "--retailer", "retailer_1", environment=environment)
    assert done.returncode == 0
    assert "monitoring.lineage" in done.stderr
    assert "openlineage" not in done.stderr
    assert platform.query("SELECT count(*) > 0 FROM data_lineage WHERE stage = 'refresh'") == [(True,)]


def test_a_receiver_that_is_down_or_unresponsive_does_not_affect_the_run(platform: Platform, retail: Retail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unresponsive:  # accepts connections and never responds
        for port in (1, unresponsive.getsockname()[1]):
            began = time.monotonic()
            environment = {**platform.environment, "OPENLINEAGE_URL": f"http://127.0.0.1:{port}"}
            done = retail(environment, "refresh")
            assert done.returncode == 0, done.stderr
            assert "lineage event" in done.stderr + done.stdout
            assert time.monotonic() - began < 30  # generous: the machine may be busy; the client itself would take 60


def test_a_retailer_that_fails_is_sent_as_failed_and_the_others_as_complete(
    platform: Platform, vendors: dict[str, Vendor], retail: Retail, tmp_path: Path
) -> None:
    vendors["retailer_3"].faults("down")
    environment = {
        **platform.environment,
        "INGEST_MAX_ATTEMPTS": "2",
        "OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(tmp_path / "events.json"), "append": True}
        ),
    }
    assert retail(environment, "ingest", DAY).returncode == 1
    events = [json.loads(line) for line in (tmp_path / "events.json").read_text(encoding="utf-8").splitlines()]
    ends = {event["job"]["name"]: event for event in events if event["eventType"] != "START"}
    assert {job: event["eventType"] for job, event in ends.items()} == {
        "ingest.retailer_1": "COMPLETE",
        "ingest.retailer_2": "COMPLETE",
        "ingest.retailer_3": "FAIL",
    }
    failed = ends["ingest.retailer_3"]
    assert failed["outputs"] == []
    assert failed["run"]["facets"]["errorMessage"]["message"].startswith("retailer_3 at 127.0.0.1")
    assert "parent" not in failed["run"]["facets"]
    assert platform.query("SELECT count(*) FROM data_lineage WHERE retailer_id = 'retailer_3'") == [(0,)]


def test_a_load_that_finds_nothing_new_leaves_what_its_run_wrote_before(
    platform: Platform,
) -> None:

    platform.ingest(DAY, "retailer_1")
    for _ in range(2):
        run(date.fromisoformat(DAY), ["retailer_1"], settings=platform.settings, run_id="same")
    ((rows, count),) = platform.query(
        "SELECT max(rows_written), count(*) FROM data_lineage WHERE run_id = 'same'"
        " AND right(target_name, 10) = 'fact_sales'"
    )
    assert (rows, count) == (platform.query("SELECT count(*) FROM fact_sales")[0][0], 1)


@pytest.mark.long
def test_the_events_of_a_run_that_was_killed_after_its_commit_are_sent_when_it_is_finished(
    platform: Platform, retail: Retail, receiver: Receiver
) -> None:
    environment = {**platform.environment, "OPENLINEAGE_URL": receiver.url, "PATH": "/usr/bin:/bin"}
    arguments = ("cli", "run", DAY, "--retailer", "retailer_1", "--only-this-date")
    killed = CopiedProcess("tests.fakes.killed_at", ("transformation.main:refresh_statistics", *arguments), environment)
    assert killed.wait().returncode == -signal.SIGKILL
    done = retail(environment, "maintenance", "unfinished")
    assert (done.returncode, done.stdout) == (0, "1 run finished\n"), done.stderr
    for job in ("transform.retailer_1", "quality", "refresh"):
        event = receiver.last(job)
        rebuilt(event)
    loaded = by_name(receiver.last("transform.retailer_1")["outputs"])
    facts = next(each for name, each in loaded.items() if name.endswith(".fact_sales"))
    rows = platform.query("SELECT count(*) FROM fact_sales")[0][0]
    assert facts["outputFacets"]["outputStatistics"]["rowCount"] == rows > 0
    started = [event["run"]["runId"] for event in receiver.events if event["job"]["name"] == "transform.retailer_1"]
    assert len(set(started)) == 1, "the receiver knows it as one run"
