"""What becomes of rows, customers and money on a real PostgreSQL: the same by every load path."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from shared.errors import StopRun
from shared.partitions import RequestWindow
from tests.fakes.raw_zone import DAY, RawZone, record
from transformation.conform import ConformedBatch
from transformation.load.plan import LoadPath
from transformation.load.result import LoadOptions, LoadResult
from transformation.money import Money
from transformation.processors.star_schema_processor import publish
from transformation.raw_partitions import columnar_workspace, read_partitions

NOW = datetime(2024, 2, 1, tzinfo=UTC)
NEXT_DAY = DAY + timedelta(days=1)


class RawBucket:
    """The raw bucket of a zone in memory."""

    def __init__(self, zone: RawZone) -> None:
        self._zone = zone

    def read(self, key: str) -> bytes:
        return self._zone.read_bytes("raw", key)

    def download(self, key: str, path: Path) -> str:
        return self._zone.download("raw", key, path)


class Loader:
    """A warehouse and a raw zone, and the one thing done with them: landing and loading partitions."""

    def __init__(self, access: WarehouseAccess, directory: Path, path: LoadPath = LoadPath.AUTO) -> None:
        self.access, self.directory, self.path, self.zone = access, directory, path, RawZone()

    def land(self, *records: Any, day: date = DAY, **options: Any) -> None:
        self.zone.land(records, day=day, **options)

    def load(
        self, *days: date, path: LoadPath | None = None, retailer_id: str = "retailer_1", **options: Any
    ) -> LoadResult:
        with columnar_workspace(self.directory) as columnar:
            landed = read_partitions(RawBucket(self.zone), retailer_id, days or (DAY,), self.directory, columnar)
            return publish(
                self.access.loader_dsn,
                ConformedBatch(landed, self.directory),
                LoadOptions(run_id="test", now=NOW, path=path or self.path, **options),
            )

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.access.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall()

    def digest(self) -> str:
        return str(self.rows("SELECT ops.warehouse_digest()")[0][0])


@pytest.fixture(params=list(LoadPath))
def loader(request: pytest.FixtureRequest, warehouse: WarehouseAccess, tmp_path: Path) -> Loader:
    return Loader(warehouse, tmp_path, request.param)


def counts(result: LoadResult) -> dict[str, int]:
    """Non-zero counts of the first partition."""
    names = ("inserted", "updated", "unchanged", "duplicate", "superseded", "withdrawn")
    facts = result.entries[0].as_dict()
    return {name: int(str(facts[name])) for name in names if facts[name]}


def test_a_first_load_inserts_every_line_with_its_money(loader: Loader) -> None:
    loader.land(record("1"), record("2", qty=-1), record("3", transaction="T2", product_id="P2", price="0.999"))
    result = loader.load()
    assert counts(result) == {"inserted": 3}
    assert loader.rows("SELECT count(*), sum(net_amount) FROM fact_sales") == [(3, Decimal("14.4980"))]
    assert loader.rows("SELECT landed, inserted, in_warehouse FROM load_ledger") == [(3, 3, 3)]
    assert loader.rows("SELECT landed, in_warehouse FROM load_ledger_amounts") == [
        (Decimal("14.4980"), Decimal("14.4980"))
    ]


def test_replaying_a_day_writes_no_row(loader: Loader) -> None:
    loader.land(record("1"), record("2"))
    loader.load()
    before = loader.rows("SELECT xmin::text, * FROM fact_sales ORDER BY line_id"), loader.digest()
    assert counts(loader.load()) == {"unchanged": 2}
    assert (loader.rows("SELECT xmin::text, * FROM fact_sales ORDER BY line_id"), loader.digest()) == before


def test_a_correction_updates_its_row_only(loader: Loader) -> None:
    loader.land(record("1"), record("2"))
    loader.load()
    loader.land(record("1", qty=5, changed_at=NOW), record("2"))
    assert counts(loader.load()) == {"updated": 1, "unchanged": 1}
    assert loader.rows("SELECT quantity FROM fact_sales ORDER BY line_id") == [(Decimal(5),), (Decimal(2),)]


def test_a_line_the_partition_no_longer_holds_is_withdrawn(loader: Loader) -> None:
    loader.land(record("1"), record("2", price="3"))
    loader.load()
    loader.land(record("1"))
    result = loader.load()
    assert counts(result) == {"unchanged": 1, "withdrawn": 1}
    assert result.entries[0].withdrawn.amounts == {"USD": Money(Decimal(6))}
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(1,)]


def test_an_empty_partition_is_loaded_and_withdraws_what_was_there(loader: Loader) -> None:
    loader.land(record("1"))
    loader.load()
    loader.land()
    assert counts(loader.load()) == {"withdrawn": 1}
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(0,)]
    assert loader.rows("SELECT count(*) FROM fact_daily_sales") == [(0,)]


def test_exact_duplicates_are_counted_and_kept_out(loader: Loader) -> None:
    loader.land(record("1"), record("1"), record("2"))
    result = loader.load()
    assert counts(result) == {"inserted": 2, "duplicate": 1}
    assert result.entries[0].duplicate.amounts == {"USD": Money(Decimal(25))}


def test_of_two_copies_the_one_changed_last_wins_in_either_order(loader: Loader) -> None:
    old, new = record("1"), record("1", qty=9, changed_at=NOW)
    loader.land(new, old)
    loader.load()
    first = loader.digest()
    loader.land(old, new)
    assert counts(loader.load()) == {"unchanged": 1, "duplicate": 1}
    assert loader.digest() == first


def test_insert_only_adds_new_rows_and_touches_nothing_else(loader: Loader) -> None:
    loader.land(record("1"), record("2"))
    loader.load()
    loader.land(record("1", qty=9, changed_at=NOW), record("3"))
    assert counts(loader.load(insert_only=True)) == {"inserted": 1, "unchanged": 1}
    assert loader.rows("SELECT line_id, quantity FROM fact_sales ORDER BY line_id") == [
        ("1", Decimal(2)),
        ("2", Decimal(2)),
        ("3", Decimal(2)),
    ]


def test_a_corrected_business_date_leaves_one_row_even_while_the_old_partition_still_holds_it(loader: Loader) -> None:
    loader.land(record("1"), record("2"))
    loader.load()
    moved = record("1", day=NEXT_DAY, changed_at=NOW, sold_at=datetime(2024, 1, 16, 12, tzinfo=UTC))
    loader.land(moved, day=NEXT_DAY)
    result = loader.load(NEXT_DAY)
    assert counts(result) == {"updated": 1}
    assert result.other_dates_changed == (20240115,)
    assert loader.rows("SELECT date_key, line_id FROM fact_sales ORDER BY 1") == [(20240115, "2"), (20240116, "1")]
    after = loader.digest()
    assert counts(loader.load()) == {"unchanged": 1, "duplicate": 1, "superseded": 1}
    assert loader.digest() == after
    ledger = loader.rows(
        "SELECT unchanged, duplicate, in_warehouse FROM load_ledger WHERE business_date = %s ORDER BY load_id", (DAY,)
    )
    assert ledger == [(0, 0, 2), (1, 1, 1), (1, 1, 1)]


def test_a_superseded_line_comes_back_when_the_later_version_is_withdrawn(loader: Loader) -> None:
    loader.land(record("1"))
    loader.load()
    alone = loader.digest()
    loader.land(record("1", day=NEXT_DAY, changed_at=NOW), day=NEXT_DAY)
    loader.load(NEXT_DAY)
    loader.land(day=NEXT_DAY)
    result = loader.load(NEXT_DAY)
    assert result.other_dates_changed == (20240115,)
    assert loader.digest() == alone
    assert loader.rows("SELECT count(*) FROM superseded_sales") == [(0,)]


def test_a_late_customer_version_takes_its_place_in_time_and_its_facts_follow(loader: Loader) -> None:
    def sale(line: str, day: int, segment: str, since: int) -> Any:
        sold_at = datetime(2024, 1, day, 12, tzinfo=UTC)
        return record(
            line,
            transaction=f"T{day}",
            day=sold_at.date(),
            customer_segment=segment,
            customer_since=datetime(2024, 1, since, tzinfo=UTC),
        )

    loader.land(sale("1", 20, "platinum", 18), day=date(2024, 1, 20))
    loader.land(sale("1", 5, "silver", 1), day=date(2024, 1, 5))
    # Sold on the 15th but the customer had turned gold on the 10th; the sale of the 12th still says silver.
    loader.land(sale("1", 12, "silver", 1), day=date(2024, 1, 12))
    loader.land(sale("1", 15, "gold", 10), day=date(2024, 1, 15))
    for day in (20, 5, 12, 15):
        loader.load(date(2024, 1, day))
    history = loader.rows(
        "SELECT segment, valid_from::date, valid_to::date, is_current FROM dim_customer WHERE customer_id = 'C1'"
        " ORDER BY valid_from"
    )
    assert history == [
        ("silver", date(2024, 1, 1), date(2024, 1, 10), False),
        ("gold", date(2024, 1, 10), date(2024, 1, 18), False),
        ("platinum", date(2024, 1, 18), date(9999, 12, 31), True),
    ]
    facts = loader.rows(
        "SELECT f.date_key, c.segment FROM fact_sales f JOIN dim_customer c USING (customer_key) ORDER BY 1"
    )
    assert facts == [(20240105, "silver"), (20240112, "gold"), (20240115, "gold"), (20240120, "platinum")]


def test_guests_are_one_member_without_attributes(loader: Loader) -> None:
    loader.land(record("1", customer_id="GUEST", customer_since=None), record("2", customer_id="GUEST"))
    loader.load()
    assert loader.rows("SELECT customer_id, customer_name, segment FROM dim_customer WHERE retailer_key = 1") == [
        ("GUEST", None, None)
    ]


def test_a_sale_without_a_description_does_not_overwrite_a_known_name(loader: Loader) -> None:
    loader.land(record("1"))
    loader.land(record("1", day=NEXT_DAY, transaction="T9", product_name=None), day=NEXT_DAY)
    loader.load(DAY, NEXT_DAY)
    assert loader.rows("SELECT product_name FROM dim_product WHERE product_id = 'P1'") == [("Lantern",)]


def test_the_watermark_moves_forward_only(loader: Loader) -> None:
    loader.land(record("1", transaction="A7", day=NEXT_DAY), day=NEXT_DAY)
    loader.land(record("1"))
    loader.load(NEXT_DAY)
    loader.load(DAY)
    assert loader.rows(
        "SELECT retailer_id, last_processed_date, last_processed_transaction_id FROM pipeline_metadata"
    ) == [("retailer_1", NEXT_DAY, "A7")]


def test_a_change_list_that_starts_after_the_mark_does_not_move_it(loader: Loader) -> None:
    def window(since: int, until: int) -> RequestWindow:
        return RequestWindow(
            requested_from=NOW,
            requested_until=NOW,
            changes_since=datetime(2024, 1, since, tzinfo=UTC),
            changes_until=datetime(2024, 1, until, tzinfo=UTC),
        )

    marks = []
    for since, until in ((10, 16), (18, 20), (15, 19)):
        loader.land(record("1"), window=window(since, until))
        loader.load()
        marks.append(
            loader.rows("SELECT extract(day FROM changes_read_until AT TIME ZONE 'UTC') FROM pipeline_metadata")
        )
    assert [int(mark[0][0]) for mark in marks] == [16, 16, 19]


def test_a_position_moves_only_by_a_list_that_began_at_it(loader: Loader) -> None:
    def position_after(begin: str | None, end: str | None) -> str | None:
        window = RequestWindow(
            requested_from=NOW, requested_until=NOW, changes_from_position=begin, changes_to_position=end
        )
        loader.land(record("1"), window=window)
        loader.load()
        [(position,)] = loader.rows("SELECT changes_position FROM pipeline_metadata")
        return position if position is None else str(position)

    assert position_after(None, None) is None
    assert position_after("90", "100") == "100", "nothing was known, as in a warehouse that is built again"
    assert position_after("90", "120") == "100", "such as the list of another run at the same time"
    assert position_after(None, "5") == "100"
    assert position_after("100", None) == "100"
    assert position_after("100", "130") == "130"
    assert position_after("130", "7") == "7", "the ids of the source began again"


def test_a_watermark_in_the_future_is_corrected_by_the_next_list_that_was_not_requested_from_it(loader: Loader) -> None:
    def mark_after(since: str, until: str) -> datetime:
        window = RequestWindow(
            requested_from=NOW,
            requested_until=NOW,
            changes_since=datetime.fromisoformat(f"{since}T00:00:00Z"),
            changes_until=datetime.fromisoformat(f"{until}T00:00:00Z"),
        )
        loader.land(record("1"), window=window)
        loader.load()
        [(mark,)] = loader.rows("SELECT to_char(changes_read_until, 'YYYY-MM-DD HH24:MI') FROM pipeline_metadata")
        return datetime.fromisoformat(f"{mark}Z")

    assert mark_after("2024-01-10", "2099-01-01") <= NOW - timedelta(minutes=9)
    loader.rows("UPDATE pipeline_metadata SET changes_read_until = '2099-01-01' RETURNING 1")
    assert mark_after("2098-12-29", "2024-01-16").year == 2099
    assert mark_after("2024-01-11", "2024-01-17") == datetime(2024, 1, 17, tzinfo=UTC)


def test_a_partition_whose_object_is_not_the_manifests_is_rejected(loader: Loader) -> None:
    manifest = loader.zone.land([record("1")])
    loader.zone.put("raw", manifest.object_key, b"{}\n")
    with pytest.raises(StopRun, match=r"another checksum.*Run: python -m ingestion.main 2024-01-15"):
        loader.load()


def test_a_manifest_with_other_money_stops_the_load(loader: Loader) -> None:
    manifest = loader.zone.land([record("1")])
    wrong = manifest.model_copy(
        update={"amounts": {"USD": manifest.amounts["USD"].model_copy(update={"landed": Decimal("25.01")})}}
    )
    loader.zone.put("raw", manifest.object_key.replace("sales_data", "_manifest"), wrong.model_dump_json().encode())
    with pytest.raises(StopRun, match="does not reconcile with its manifest"):
        loader.load()


def test_what_fails_before_commit_leaves_the_warehouse_as_it_was(loader: Loader) -> None:
    loader.land(record("1"))
    loader.load()
    before = loader.digest(), loader.rows("SELECT count(*) FROM load_ledger")
    loader.land(record("1", qty=7, changed_at=NOW), record("2"))

    def fail(*_: Any) -> None:
        raise StopRun("the processed zone is full")

    with pytest.raises(StopRun, match="full"):
        loader.load(prepare_processed=fail)
    with pytest.raises(StopRun, match="full"):
        loader.load(in_transaction=fail)
    assert (loader.digest(), loader.rows("SELECT count(*) FROM load_ledger")) == before


def test_every_role_reads_the_facts_unqualified(loader: Loader) -> None:
    loader.land(record("1"))
    loader.load()
    for dsn in (loader.access.owner_dsn, loader.access.loader_dsn, loader.access.reader_dsn):
        with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM fact_sales")
            assert cursor.fetchone() == (1,)
            cursor.execute("SELECT count(*) FROM pipeline_metadata")


def test_nothing_is_loaded_for_the_unknown_retailer(loader: Loader) -> None:
    before = loader.digest()
    loader.zone.land([record("1").model_copy(update={"retailer_id": "unknown"})], retailer_id="unknown")
    with pytest.raises(StopRun, match="'unknown' is the id of the unknown retailer"):
        loader.load(retailer_id="unknown")
    assert loader.digest() == before
