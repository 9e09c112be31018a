"""A business date by the DAG, and one by the stages as commands."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

from shared.airflow_rest.client import DAG_ID
from tests.containers.project import Project
from tests.containers.stages import EVERYONE, STAGES, loaded

DAY = date(2024, 3, 5)
FACTS = """
SELECT retailer_id, count(*), sum(net_amount) FROM fact_sales JOIN dim_retailer USING (retailer_key)
 WHERE date_key = to_char(%s::date, 'YYYYMMDD')::int GROUP BY retailer_id
"""


def test_the_dag_is_there_and_switched_on_and_every_file_could_be_read(platform: Project) -> None:
    assert platform.airflow.call("GET", f"/api/v2/dags/{DAG_ID}")["is_paused"] is False
    assert platform.airflow.call("GET", "/api/v2/importErrors")["import_errors"] == []


def test_a_run_for_one_date_succeeds_and_every_record_and_cent_is_reconciled(platform: Project) -> None:
    outcome = platform.running.run(DAY)
    assert (outcome.state, set(outcome.tasks.values())) == ("success", {"success"})
    assert {name for name in outcome.tasks if "[" in name} == {f"ingest_retailers_to_s3[{name}]" for name in EVERYONE}

    said = platform.compose("run", "--rm", "retail", "ledger", DAY.isoformat(), "--json").stdout
    ledger = {each["retailer_id"]: each for each in json.loads(said)["partitions"]}
    assert ledger.keys() == EVERYONE
    facts = {name: (rows, money) for name, rows, money in platform.warehouse(FACTS, DAY)}
    for name, entry in ledger.items():
        records, (money,) = entry["records"], entry["money"].values()
        assert records["reported"] == records["landed"] - records["duplicate"] + records["rejected"]
        assert Decimal(money["reported"]) == Decimal(money["in_warehouse"]) + Decimal(money["rejected"])
        assert facts[name] == (records["in_warehouse"], Decimal(money["in_warehouse"]))
    shown = platform.warehouse("SELECT DISTINCT retailer_id FROM mv_daily_sales_summary WHERE business_date = %s", DAY)
    assert {name for (name,) in shown} == EVERYONE


def test_each_stage_runs_for_a_date_and_shows_what_it_did(platform: Project) -> None:
    for service, module in STAGES:
        done = platform.compose("run", "--rm", service, "python", "-m", module, "2024-01-15")
        assert "2024-01-15" in done.stdout
        assert [name for name in EVERYONE if name not in done.stdout] == []
        assert "Traceback" not in done.stdout + done.stderr
        assert max(map(len, done.stdout.splitlines())) <= 120
    assert loaded(platform, date(2024, 1, 15)) == EVERYONE
    assert platform.containers(oneoff=True) == []
