"""Rejected rows are dead letters with file, line, column and value until they are corrected."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from shared.errors import RetailError
from shared.partitions import Manifest, manifest_key, rejected_key
from tests.integration.etl.conftest import FIRST, RETAILER, Platform, sales, write


def test_a_rejected_row_is_a_dead_letter_until_its_file_is_corrected(platform: Platform, tmp_path: Path) -> None:
    rows = sales()
    wrong = [replace(row, price="1e400") if row is rows[3] else row for row in rows]
    path = write(tmp_path / "sales.csv", wrong)
    result = platform.load(path)
    assert result.balanced
    assert (result.buckets["rejected"].rows, result.buckets["landed"].rows) == (1, len(rows) - 1)
    rejected = platform.query(
        "SELECT business_date, reason_code, position, payload, status, object_key FROM ops.dead_letters"
    )
    ((day, code, position, payload, status, key),) = rejected
    assert (day, status, key) == (FIRST, "open", rejected_key(RETAILER, FIRST))
    assert position.startswith("sales.csv, line 5, column UnitPrice")
    assert "1e400" in position
    assert code in result.read.rejected_by_code
    assert json.loads(payload)["UnitPrice"] == "1e400"
    (line,) = platform.read_object(key).splitlines()
    assert json.loads(line)["position"] == position
    manifest = Manifest.model_validate_json(platform.read_object(manifest_key(RETAILER, FIRST)))
    assert (manifest.fetched, manifest.landed, manifest.rejected) == (13, 12, 1)
    assert platform.load(path).load_id is None

    corrected = platform.load(write(path, rows))
    assert (corrected.changed_days, corrected.balanced) == ((FIRST,), True)
    assert platform.query("SELECT status FROM ops.dead_letters") == [("resolved",)]
    assert key not in platform.objects("rejected/")
    assert platform.facts() == (len(set(rows)), sum(row.money for row in set(rows)))


def test_a_date_with_only_rejected_rows_is_also_a_partition(platform: Platform, tmp_path: Path) -> None:
    rows = sales(2)
    wrong = [replace(row, price="x") if row.day == FIRST else row for row in rows]
    result = platform.load(write(tmp_path / "sales.csv", wrong), max_reject_share=0.9)
    assert result.balanced
    assert result.buckets["rejected"].rows == 13
    manifest = Manifest.model_validate_json(platform.read_object(manifest_key(RETAILER, FIRST)))
    assert (manifest.landed, manifest.rejected, manifest.size_bytes) == (0, 13, 0)
    assert platform.query("SELECT fetched, rejected FROM ops.load_ledger WHERE business_date = %s", FIRST) == [(13, 13)]


def test_equal_rejected_rows_are_each_counted_and_stored_once(platform: Platform, tmp_path: Path) -> None:
    rows = sales(1)
    bad = replace(rows[0], quantity="")
    result = platform.load(write(tmp_path / "sales.csv", [*rows, bad, bad]), max_reject_share=0.5)
    assert (result.buckets["rejected"].rows, result.balanced) == (2, True)
    assert platform.query("SELECT count(*) FROM ops.dead_letters") == [(1,)]


def test_too_many_rejected_rows_load_nothing(platform: Platform, tmp_path: Path) -> None:
    rows = [replace(row, price="x") if number % 3 == 0 else row for number, row in enumerate(sales())]
    with pytest.raises(RetailError, match=r"sales\.csv"):
        platform.load(write(tmp_path / "sales.csv", rows))
    assert (platform.objects(), platform.facts()) == ({}, (0, Decimal(0)))


@pytest.mark.long
def test_ten_thousand_rejected_rows_are_all_kept(platform: Platform, tmp_path: Path) -> None:
    rows = sales(4, 2_500)
    wrong = [replace(row, price=f"{number} pounds") for number, row in enumerate(rows)]
    result = platform.load(write(tmp_path / "sales.csv", [*wrong, rows[0]]), max_reject_share=1.0)
    assert (result.buckets["rejected"].rows, result.balanced) == (len(rows), True)
    assert platform.query("SELECT count(*) FROM ops.dead_letters") == [(len(rows),)]
