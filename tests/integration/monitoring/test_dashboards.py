"""Grafana's dashboards: well formed, and every SQL query finds data in a warehouse that works, as the reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg2
import pytest
import yaml

from data_quality.main import run as check_quality
from local_stack.databases import WarehouseAccess
from materialized_views.refresh_views import run as refresh_views
from tests.fakes.grafana_dashboards import DASHBOARDS, GRAFANA, Query, expand_sql, load, panels, queries
from tests.fakes.published_days import RETAILERS, PublishedDays, warehouse_settings

DAYS = [date(2024, 1, 15), date(2024, 1, 16)]


def test_there_are_dashboards_for_the_pipeline_airflow_and_quality() -> None:
    assert [path.stem for path in DASHBOARDS] == ["airflow", "pipeline", "quality"]


def test_dashboards_have_different_names() -> None:
    for key in ("uid", "title"):
        assert max(Counter(load(path)[key] for path in DASHBOARDS).values()) == 1


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_well_formed(path: Any) -> None:
    dashboard = load(path)
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/datasources.yml").read_text(encoding="utf-8"))
    kinds = {source["uid"]: source["type"] for source in provisioned["datasources"]}
    ids = [panel["id"] for panel in panels(dashboard)]
    assert len(ids) == len(set(ids))
    assert "id" not in dashboard, "Grafana gives the number"
    taken: set[tuple[int, int]] = set()
    for panel in panels(dashboard):
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["description"].endswith("."), panel["title"]
        for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
            assert kinds[source["uid"]] == source["type"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_dashboards_are_found_where_the_provider_looks() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/dashboards.yml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((GRAFANA.parent / "compose/monitoring.yml").read_text(encoding="utf-8"))
    grafana = compose["services"]["grafana"]
    folder = provider["providers"][0]["options"]["path"]
    assert f"./docker/grafana/dashboards:{folder}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in {f"{folder}/{path.name}" for path in DASHBOARDS}


@pytest.fixture(scope="module")
def reader(request: pytest.FixtureRequest) -> Iterator[psycopg2.extensions.connection]:
    """As Grafana connects to a warehouse with two days in it, checked, and its views refreshed."""
    from local_stack.databases import create_warehouse
    from tests.conftest import ROLE_PASSWORDS

    server = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("warehouse_template")
    warehouse: WarehouseAccess = create_warehouse(server, ROLE_PASSWORDS, name="warehouse_grafana", template=template)
    fill(warehouse)
    connection = psycopg2.connect(warehouse.reader_dsn, options="-c TimeZone=UTC")
    connection.set_session(readonly=True, autocommit=True)
    yield connection
    connection.close()
    server.drop_database("warehouse_grafana")


def fill(warehouse: WarehouseAccess) -> None:
    days, settings = PublishedDays(warehouse.owner_dsn), warehouse_settings(warehouse.loader_dsn)
    for number, day in enumerate(DAYS):
        days.publish_all(day, run_id=f"run-{day}")
        clock = partial(datetime, 2024, 1, 20 + number, 2, tzinfo=UTC)
        check_quality(day, settings=settings, run_id=f"run-{day}", clock=clock)
        refresh_views(settings=settings, run_id=f"run-{day}", day=day, clock=clock)
    days.close()


def run_query(connection: psycopg2.extensions.connection, query: Query) -> tuple[list[str], list[tuple[Any, ...]]]:
    begin, end = datetime(2024, 1, 10, tzinfo=UTC), datetime(2024, 2, 10, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute(expand_sql(query.text, begin, end, list(RETAILERS)))
        assert cursor.description is not None
        return [column.name for column in cursor.description], cursor.fetchall()


@pytest.mark.parametrize("query", queries("warehouse"), ids=lambda query: query.name)
def test_every_sql_query_finds_data_as_the_reader(reader: psycopg2.extensions.connection, query: Query) -> None:
    columns, rows = run_query(reader, query)
    assert rows, "an empty panel on a platform that works"
    if query.format == "time_series":
        assert columns == ["time", "metric", "value"]
        assert all(isinstance(row[0], datetime) and isinstance(row[1], str) for row in rows)
        assert all(isinstance(row[2], float | int | Decimal) for row in rows)
        assert rows == sorted(rows, key=lambda row: row[0]), "Grafana wants them in the order of time"


def test_the_queries_show_what_was_loaded(reader: psycopg2.extensions.connection) -> None:
    by_name = {query.name: query for query in queries("warehouse")}
    _, lines = run_query(reader, by_name["pipeline: Lines in fact_sales"])
    assert len(lines) == len(DAYS) * len(RETAILERS) and {row[2] for row in lines} == {40}
    assert run_query(reader, by_name["pipeline: Dates missing"])[1] == [(0,)]
    assert run_query(reader, by_name["quality: Dates checked"])[1] == [(2,)]
    assert run_query(reader, by_name["quality: Critical findings"])[1] == [(0,)]
    _, runs = run_query(reader, by_name["pipeline: Last runs"])
    assert {row[3] for row in runs} == {"succeeded"} and len(runs) == 4
    assert run_query(reader, by_name["quality: Dead letters by reason"])[1][0][0] == "none"


def test_the_reader_sees_why_a_record_was_rejected_and_not_the_record(warehouse: WarehouseAccess) -> None:
    columns = "retailer_id, business_date, stage, reason_code, reason, payload, payload_digest, position, run_id"
    with psycopg2.connect(warehouse.owner_dsn) as owner, owner.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO ops.dead_letters ({columns}, first_seen_at, last_seen_at) VALUES"
            " ('retailer_1', '2024-01-15', 'ingest', 'MISSING_FIELD', 'x', '{}', 'd', '1', 'run-1', now(), now())"
        )
    with psycopg2.connect(warehouse.reader_dsn) as reader, reader.cursor() as cursor:
        cursor.execute("SELECT reason_code, status FROM ops.dead_letters")
        assert cursor.fetchall() == [("MISSING_FIELD", "open")]
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT payload FROM ops.dead_letters")


def test_a_missing_date_is_counted(warehouse: WarehouseAccess) -> None:
    days = PublishedDays(warehouse.owner_dsn)
    for day in (DAYS[0], DAYS[0] + timedelta(days=3)):
        days.publish(day, "retailer_1")
    days.close()
    query = next(query for query in queries("warehouse") if query.panel == "Dates missing")
    with psycopg2.connect(warehouse.reader_dsn) as connection:
        assert run_query(connection, query)[1] == [(2,)]
