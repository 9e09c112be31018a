"""New rows of a table without a time of change are found by a key that only increases, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.protocol import Changes, Connector, ListsByPosition
from ingestion.source_clock import ANY_TIME
from shared.errors import FixConfiguration
from tests.contract.test_databases import every_database, lines_of, reading
from tests.fakes.connector_api import DAY
from tests.fakes.databases.till import NOON, SqliteTill, Till, row

NOW = datetime(2024, 1, 20, tzinfo=UTC)
LONG_AGO = DAY - timedelta(days=40)
ID = {
    "postgresql": "ALTER TABLE sale_lines ADD COLUMN id bigserial",
    "mysql": "ALTER TABLE sale_lines ADD COLUMN id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY",
    "mssql": "ALTER TABLE sale_lines ADD id bigint IDENTITY",
}
AGAIN = {
    "postgresql": ["TRUNCATE sale_lines RESTART IDENTITY"],
    "mysql": ["TRUNCATE TABLE sale_lines"],
    "sqlite": ["DELETE FROM sale_lines"],
    "mssql": ["TRUNCATE TABLE sale_lines"],
}
WITH_ROWID = 'query: "SELECT rowid AS id, * FROM sale_lines"'


@contextmanager
def numbered(
    api: type[Till], directory: Path, lines: int = 3, margin: int | None = 2, key: str = "id"
) -> Iterator[tuple[Any, Connector[Any]]]:
    """A till whose lines have the ids 1, 2, … and no time of change, and its connector."""
    keys = f"  incrementing_key: {key}\n" + ("" if margin is None else f"  late_commit_keys: {margin}\n")
    changes = {"  changed_by: updated_at\n": keys}
    if api is SqliteTill:
        changes[lines_of(api)] = WITH_ROWID
    with api(lines=(tuple(f"R{number}" for number in range(lines)),)).served() as (_, till):
        if api is not SqliteTill:
            till.execute(ID[api.connector])
        with reading(till, directory, changes) as connector:
            yield till, connector


def listed(connector: Connector[Any], position: str | None) -> Changes:
    assert isinstance(connector, ListsByPosition)
    found = connector.list_changes_from(NOW, position)
    assert found is not None
    assert not found.shows_deletions, "updates and deletions are left to the look-back"
    return found


@every_database
def test_new_rows_are_listed_whatever_their_business_date_is(api: type[Till], tmp_path: Path) -> None:
    with numbered(api, tmp_path) as (till, connector):
        first = listed(connector, None)
        assert (first.dates, first.position) == ({}, "1"), "nothing says which rows were there before"
        till.insert(row("OLD", sold_at=NOON - timedelta(days=40)))
        second = listed(connector, "3")
        assert second.dates == {LONG_AGO: ANY_TIME}
        assert second.position == "2"
        again = listed(connector, second.position)
        assert {*again.dates} == {DAY, LONG_AGO}, "the ids of the margin are listed again"
        assert again.position == "2"


@every_database
def test_a_row_that_commits_late_is_listed_by_the_next_list(api: type[Till], tmp_path: Path) -> None:
    with numbered(api, tmp_path) as (till, connector):
        with closing(till.connect()) as writer:
            writer.cursor().execute("BEGIN" if till.connector != "mssql" else "BEGIN TRANSACTION")
            till.insert_with(writer, row("LATE", sold_at=NOON - timedelta(days=40)))  # has the id 4
            if api is not SqliteTill:  # of which one transaction writes at a time
                till.insert(row("NEXT"))  # has the id 5
            before = listed(connector, "3")
            writer.cursor().execute("COMMIT")
        assert LONG_AGO not in before.dates
        assert LONG_AGO in listed(connector, before.position).dates


@every_database
def test_a_run_without_new_rows_stays_where_it_was(api: type[Till], tmp_path: Path) -> None:
    with numbered(api, tmp_path, margin=0) as (_, connector):
        for _ in range(2):
            found = listed(connector, "3")
            assert (found.dates, found.position) == ({}, "3")


@every_database
def test_keys_that_begin_again_have_every_date_read(api: type[Till], tmp_path: Path) -> None:
    with numbered(api, tmp_path, lines=9) as (till, connector):
        assert listed(connector, None).position == "7"
        for statement in AGAIN[api.connector]:
            till.execute(statement)
        emptied = listed(connector, "7")
        assert (emptied.dates, emptied.position) == ({}, "7"), "a table that is empty says nothing"
        till.insert(row("A"), row("B", sold_at=NOON - timedelta(days=40)), row("C"))
        found = listed(connector, "7")
        assert found.dates == {DAY: ANY_TIME, LONG_AGO: ANY_TIME}
        assert found.position == "1"


@every_database
def test_the_rows_of_a_table_that_was_empty_are_listed(api: type[Till], tmp_path: Path) -> None:
    with numbered(api, tmp_path, lines=0, margin=None) as (till, connector):
        position = listed(connector, None).position
        assert position == "-1000", "the default margin"
        till.insert(row("A"))
        assert listed(connector, position).dates == {DAY: ANY_TIME}


@every_database
def test_a_key_that_has_other_values_than_integers_is_an_error(api: type[Till], tmp_path: Path) -> None:
    with numbered(api, tmp_path, key="article") as (_, connector), pytest.raises(FixConfiguration) as raised:
        listed(connector, None)
    assert "the column 'article', which read.incrementing_key names, " in str(raised.value)
    assert "integers. Name another" in str(raised.value)
