"""What a reader sees in one snapshot belongs to one publication: its facts and its summaries have as many lines.

Each test stops a load that publishes a built month at a certain point, and looks at the warehouse as a reader there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from local_stack.databases import WarehouseAccess
from shared.config import PROJECT_ROOT
from tests.fakes.raw_zone import DAY
from tests.integration.transformation.test_building_months import FEBRUARY, WAITING, in_background, sales
from tests.integration.transformation.test_load_paths import Loader
from tests.waiting import wait_until
from transformation.load import attach_months, steps
from transformation.load.plan import LoadPath

LINES = "SELECT (SELECT count(*) FROM fact_sales), (SELECT sum(line_count)::bigint FROM fact_daily_sales)"
BEFORE, AFTER = (5, 5), (8, 8)
CHECKED = f"SELECT lines.* FROM ops.check_snapshot(), ({LINES}) AS lines (facts, summaries)"
LOCK = "LOCK TABLE fact_sales IN ACCESS SHARE MODE"
TAKE_A_SNAPSHOT = "SELECT count(*) FROM data_versions"
BLOCKED = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessShareLock' AND NOT granted"
Reader = Callable[[Any], Any]


@dataclass(frozen=True)
class Publication:
    """A warehouse with five lines in January, and a partition that adds three: as a new month, or to January."""

    loader: Loader
    is_new_month: bool

    def publish(self, **options: Any) -> Any:
        """Load the partition as a built month."""
        return self.loader.load(FEBRUARY if self.is_new_month else DAY, **options)

    @contextmanager
    def reader(self, *statements: str, level: int | None = None) -> Iterator[Any]:
        """A cursor of the reader role, in a transaction that began with these statements."""
        with closing(psycopg2.connect(self.loader.access.reader_dsn)) as connection:
            if level:
                connection.set_session(isolation_level=level)
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                yield cursor

    def is_reached(self, query: str, sessions: int = 1) -> None:
        """Wait until so many sessions wait for a lock that `query` counts."""
        wait_until(lambda: self.loader.rows(query)[0][0] >= sessions, 30, every=0.01)


@pytest.fixture(params=["new month", "replaced month"])
def publication(request: pytest.FixtureRequest, warehouse: WarehouseAccess, tmp_path: Path) -> Publication:
    loader = Loader(warehouse, tmp_path, LoadPath.BUILD)
    loader.land(*sales(DAY, 5))
    loader.load()
    is_new = request.param == "new month"
    loader.land(*sales(FEBRUARY if is_new else DAY, 3 if is_new else 8), day=FEBRUARY if is_new else DAY)
    return Publication(loader, is_new)


def lines(cursor: Any, statement: str = LINES) -> tuple[int, int]:
    cursor.execute(statement)
    facts, summaries = cursor.fetchone()
    return facts, summaries


def digest(cursor: Any) -> str:
    cursor.execute("SELECT ops.warehouse_digest()")
    return str(cursor.fetchone()[0])


def executed(cursor: Any, statement: str = LINES) -> tuple[int, int]:
    """By EXECUTE: the snapshot is taken before the tables are locked."""
    return lines(cursor, f"EXECUTE {'plain' if statement == LINES else 'checked'}")


def copied(cursor: Any, statement: str = LINES) -> tuple[int, int]:
    """By COPY: the snapshot is taken before the tables are locked."""
    text = io.StringIO()
    cursor.copy_expert(f"COPY ({statement}) TO STDOUT", text)
    facts, summaries = text.getvalue().split()
    return int(facts), int(summaries)


def locked(read: Reader) -> Reader:
    """The same after locking the facts."""

    def lock_and_read(cursor: Any) -> Any:
        cursor.execute(LOCK)
        return read(cursor)

    return lock_and_read


def repeatable(read: Reader) -> Reader:
    """The same in a repeatable-read transaction."""

    def begin_and_read(cursor: Any) -> Any:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return read(cursor)

    return begin_and_read


def test_a_statement_that_knows_the_months_but_has_no_snapshot_yet_sees_one_publication(
    publication: Publication,
) -> None:
    access = publication.loader.access
    with (
        closing(psycopg2.connect(access.owner_dsn)) as owner,
        owner.cursor() as cursor,
        publication.reader() as reader,
    ):
        # The planner looks up the months of fact_sales, then stops at the partition of another table.
        cursor.execute("CREATE TABLE public.parted (x integer) PARTITION BY RANGE (x)")
        cursor.execute("CREATE TABLE public.part PARTITION OF public.parted FOR VALUES FROM (1) TO (9)")
        cursor.execute("GRANT SELECT ON public.parted TO retail_reader")
        owner.commit()
        cursor.execute("LOCK TABLE public.part IN ACCESS EXCLUSIVE MODE")
        statement = f"SELECT lines.*, (SELECT count(*) FROM parted) FROM ({LINES}) AS lines (facts, summaries)"
        with in_background(lambda: (reader.execute(statement), reader.fetchone())[1]) as seen:
            publication.is_reached(BLOCKED)
            with in_background(publication.publish) as published:
                wait_until(lambda: published or publication.loader.rows(WAITING)[0][0], 30, every=0.01)
                owner.rollback()
                wait_until(lambda: seen, 30, every=0.01)
                reader.connection.rollback()
        assert seen == [(*BEFORE, 0)]
        assert not isinstance(published[0], Exception)
        assert lines(reader) == AFTER


def test_readers_that_wait_for_a_publication_see_all_of_it_or_are_rejected(
    publication: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = publication.loader.digest()
    seen = read_while_committing(
        publication,
        monkeypatch,
        {
            "query": lines,
            "digest": digest,
            "EXECUTE after the lock": locked(executed),
            "COPY after the lock": locked(copied),
            "REPEATABLE READ after the lock": repeatable(locked(lines)),
            "EXECUTE": lambda cursor: executed(cursor, CHECKED),
            "COPY": lambda cursor: copied(cursor, CHECKED),
        },
    )
    for rejected in (seen.pop("EXECUTE"), seen.pop("COPY")):  # their snapshot is taken before the tables are locked
        assert isinstance(rejected, psycopg2.errors.SerializationFailure)
    assert seen.pop("digest") == publication.loader.digest() != before
    assert set(seen.values()) == {AFTER}


def read_while_committing(
    publication: Publication, monkeypatch: pytest.MonkeyPatch, readers: dict[str, Reader]
) -> dict[str, Any]:
    """What readers return or raise that begin when the load holds its locks and is about to commit."""
    swap = attach_months.swap
    outcomes: dict[str, list[Any]] = {}
    with ExitStack() as open_readers, ExitStack() as running:

        def swap_and_read(cursor: Any, months: Any) -> None:
            swap(cursor, months)
            for name, read in readers.items():
                outcomes[name] = running.enter_context(in_background(partial(read, cursors[name])))
            publication.is_reached(BLOCKED, len(readers))

        prepare = (f"PREPARE plain AS {LINES}", f"PREPARE checked AS {CHECKED}")
        cursors = {name: open_readers.enter_context(publication.reader(*prepare)) for name in readers}
        for cursor in cursors.values():
            cursor.connection.commit()
        monkeypatch.setattr(steps, "swap", swap_and_read)
        publication.publish()
        running.close()
        return {name: outcome[0] for name, outcome in outcomes.items()}


def test_a_snapshot_that_is_older_than_a_publication_is_rejected_by_the_check(publication: Publication) -> None:
    with (
        publication.reader(TAKE_A_SNAPSHOT, level=ISOLATION_LEVEL_REPEATABLE_READ) as before_the_build,
        publication.reader(level=ISOLATION_LEVEL_REPEATABLE_READ) as before_the_commit,
    ):
        publication.publish(in_transaction=lambda *_: before_the_commit.execute(TAKE_A_SNAPSHOT))
        # Without the check: the months of the latest commit, but the rows of the snapshot.
        assert lines(before_the_build) == (BEFORE if publication.is_new_month else (0, 5))
        assert lines(before_the_commit) == (8, 5)
        for reader in (before_the_build, before_the_commit):
            for statement in ("SELECT ops.check_snapshot()", "SELECT ops.warehouse_digest()"):
                reader.execute("SAVEPOINT rejected")
                with pytest.raises(psycopg2.errors.SerializationFailure, match="LOCK TABLE fact_sales IN ACCESS SHARE"):
                    reader.execute(statement)
                reader.execute("ROLLBACK TO SAVEPOINT rejected")
            reader.connection.rollback()
            reader.execute("SELECT ops.check_snapshot()")
            assert lines(reader) == AFTER


def test_who_locks_or_checks_first_sees_one_publication_until_the_transaction_ends(publication: Publication) -> None:
    begin, lock, *queries, commit = recipe_for_analysts()
    assert lock == LOCK
    with (
        publication.reader(level=ISOLATION_LEVEL_REPEATABLE_READ) as locks,
        publication.reader(level=ISOLATION_LEVEL_REPEATABLE_READ) as checks,
        publication.reader() as analyst,
    ):
        analyst.connection.autocommit = True
        results = []

        def begin_to_read(*_: Any) -> None:
            for reader, *statements in (
                (locks, LOCK, TAKE_A_SNAPSHOT),
                (checks, "SELECT ops.check_snapshot()", TAKE_A_SNAPSHOT),
                (analyst, begin, lock, queries[0]),
            ):
                for statement in statements:
                    reader.execute(statement)
            results.append(analyst.fetchone())

        with in_background(lambda: publication.publish(in_transaction=begin_to_read)) as published:
            publication.is_reached(WAITING)
            analyst.execute(queries[1])
            results.append(analyst.fetchone())
            analyst.execute(commit)
            for reader in (locks, checks):
                reader.execute("SELECT ops.check_snapshot()")
                assert (lines(reader), published) == (BEFORE, [])
                reader.connection.rollback()
        assert not isinstance(published[0], Exception)
        assert lines(locks) == AFTER
    assert results[0] == results[1]


def recipe_for_analysts() -> list[str]:
    """The statements of the transaction on the page for analysts."""
    page = (PROJECT_ROOT / "docs" / "MATERIALIZED_VIEWS.md").read_text(encoding="utf-8")
    recipe = re.findall(r"```sql\n(BEGIN.*?)```", page, re.DOTALL)[0]
    return [each.strip() for each in re.sub(r"--.*", "", recipe).split(";") if each.strip()]
