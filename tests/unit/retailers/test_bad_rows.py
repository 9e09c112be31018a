"""Bad rows are at the same positions whatever the page size."""

from __future__ import annotations

from datetime import date

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retailers.faults.bad_rows import HUGE, WITHOUT_BAD_ROWS, BadRows, bad_rows
from retailers.faults.specification import BAD_ROW_KINDS, parse_faults
from retailers.retailer1.bad_rows import bad_row
from retailers.retailer2.bad_rows import bad_order
from retailers.retailer3.bad_rows import bad_line

DAY = date(2024, 1, 15)


def read(plan: BadRows, good: int, size: int) -> list[str]:
    """Read a listing page by page, as the APIs serve it."""
    total, rows, offset = good + plan.among(good), [], 0
    while offset < total:
        following = iter(range(plan.good_before(offset), good))
        for position in range(offset, min(offset + size, total)):
            rows.append(f"bad {plan.number_at(position)}" if plan.is_bad(position) else f"good {next(following)}")
        offset += size
    return rows


@given(st.integers(0, 25), st.integers(0, 300), st.integers(1, 60))
def test_pages_of_any_size_hold_every_row_once(every: int, good: int, size: int) -> None:
    plan = BadRows(every)
    rows = read(plan, good, size)
    assert rows == read(plan, good, 10_000)
    assert [row for row in rows if row.startswith("good")] == [f"good {n}" for n in range(good)]
    assert [row for row in rows if row.startswith("bad")] == [f"bad {n}" for n in range(plan.among(good))]


@pytest.mark.parametrize("share", ["0.5", "0.1", "0.05", "0.01"])
def test_the_share_is_of_all_rows_delivered(share: str) -> None:
    plan = bad_rows(parse_faults(f"bad_rows:{share}")[0])
    rows = read(plan, 10_000, 500)
    assert sum(row.startswith("bad") for row in rows) / len(rows) == pytest.approx(float(share), rel=0.02)


def test_without_the_fault_there_are_none() -> None:
    assert bad_rows(None) is WITHOUT_BAD_ROWS
    assert WITHOUT_BAD_ROWS.among(1000) == 0


def test_every_kind_comes_in_turn_and_only_one_row_is_huge() -> None:
    kinds = [BadRows(9).kind(number) for number in range(200)]
    assert set(kinds) == set(BAD_ROW_KINDS)
    assert kinds.count("huge_string") == 1


def test_kinds_can_be_picked() -> None:
    plan = bad_rows(parse_faults("bad_rows:0.1;kinds=wrong_total+nul_character")[0])
    assert [plan.kind(number) for number in range(4)] == ["wrong_total", "nul_character"] * 2


@pytest.mark.parametrize("make", [bad_row, bad_order, bad_line], ids=["retailer_1", "retailer_2", "retailer_3"])
@pytest.mark.parametrize("kind", BAD_ROW_KINDS)
def test_each_bad_row_differs_from_a_good_one_and_is_always_the_same(make, kind: str) -> None:  # type: ignore[no-untyped-def]
    row = make(DAY, 7, kind)
    text = orjson.dumps(row)
    assert text == orjson.dumps(make(DAY, 7, kind))
    assert b"BAD" in text
    assert (len(text) > HUGE) == (kind == "huge_string")
    assert (b"\\u0000" in text) == (kind == "nul_character")
    others = [make(DAY, 7, other) for other in BAD_ROW_KINDS if other != kind]
    assert row not in others
