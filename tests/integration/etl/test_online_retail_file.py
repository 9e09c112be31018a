"""The complete, real Online Retail file, compared with known facts about the data."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest

import transformation.main
from tests.fakes.online_retail import find_online_retail, read_days
from tests.integration.etl.conftest import RETAILER, Platform

pytestmark = [pytest.mark.real_data, pytest.mark.timeout(900)]
ROWS, DISTINCT = 541_909, 536_641
ALL_MONEY, MONEY = Decimal("9747747.934"), Decimal("9726006.954")


def test_541_909_rows_and_all_money_are_in_one_bucket_each_and_a_re_run_writes_nothing(platform: Platform) -> None:
    facts = read_days(find_online_retail(), date(2010, 12, 1), date(2011, 12, 9))
    result = platform.load(find_online_retail())
    assert result.balanced
    assert platform.facts() == (DISTINCT, MONEY)
    ledger = platform.query(
        "SELECT business_date, l.fetched, l.landed, l.inserted, l.duplicate, a.duplicate, a.in_warehouse"
        " FROM ops.load_ledger l JOIN ops.load_ledger_amounts a USING (load_id, retailer_id, business_date)"
    )
    assert {row[0]: row[1:] for row in ledger} == {
        day: (of.rows, of.rows, of.distinct, of.duplicates, of.duplicate_money, of.money) for day, of in facts.items()
    }
    totals = platform.query(
        "SELECT sum(landed), sum(inserted), sum(duplicate), sum(updated + unchanged + withdrawn + rejected)"
        " FROM ops.load_ledger"
    )
    assert totals == [(ROWS, DISTINCT, ROWS - DISTINCT, 0)]
    assert platform.query("SELECT sum(landed), sum(in_warehouse) FROM ops.load_ledger_amounts") == [(ALL_MONEY, MONEY)]

    digest, objects = platform.digest(), platform.objects()
    written = (
        "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables"
        " WHERE relname !~ '(pipeline|unfinished)_runs'"
    )
    before = sorted(platform.query(written))
    again = platform.load(find_online_retail())
    assert (again.load_id, again.balanced, len(again.unchanged_days)) == (None, True, 305)
    assert (platform.digest(), platform.objects()) == (digest, objects)
    assert sorted(platform.query(written)) == before


def test_the_warehouse_is_the_same_as_after_loading_the_days_one_by_one(platform: Platform, tmp_path: Path) -> None:
    with pyarrow.input_stream(str(find_online_retail()), compression="zstd") as packed:
        lines = packed.read().splitlines(keepends=True)
    path = tmp_path / "weeks.csv"
    path.write_bytes(b"".join(line for line in lines if line.startswith(b"InvoiceNo") or b",1/" in line[:200]))
    platform.load(path)
    digest, days = platform.digest(), [row[0] for row in platform.query("SELECT business_date FROM ops.load_ledger")]
    platform.empty_the_warehouse()
    assert platform.digest() != digest
    for day in sorted(days):
        assert transformation.main.run(day, [RETAILER], settings=platform.settings, run_id=f"again-{day}").ok
    assert platform.digest() == digest
