from __future__ import annotations

import csv
import re
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks import online_retail
from benchmarks.online_retail import COLUMNS, day_after, with_rows

ROWS = [
    ["536365", "85123A", "LIGHT, WHITE", "6", "12/1/2010 8:26", "2.55", "17850", "United Kingdom"],
    ["C536379", "D", 'A "DISCOUNT"', "-1", "2/28/2011 9:41", "27.5", "", "France"],
    ["A563185", "B", "", "1", "12/9/2011 12:50", "-11062.06", "", "United Kingdom"],
]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(online_retail, "ROWS", len(ROWS))
    path = tmp_path / "source.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *ROWS])
    return path


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    return rows


def test_a_part_is_the_first_rows(source: Path) -> None:
    assert read(with_rows(source, 2)) == ROWS[:2]


def test_a_multiple_has_new_invoices_on_the_same_weekdays_and_everything_else_alike(source: Path) -> None:
    rows = read(with_rows(source, 9))
    assert len(rows) == 9
    assert len({row[0] for row in rows}) == 9, "no invoice twice"
    for target, row in enumerate(rows):
        copied = ROWS[target % 3]
        assert re.fullmatch("[AC]?[0-9]{6}", row[0])
        assert row[0][0] == copied[0][0] or row[0].isdigit()
        assert [row[column] for column in (1, 2, 3, 5, 6, 7)] == [copied[column] for column in (1, 2, 3, 5, 6, 7)]
        moved, before = (datetime.strptime(each[4], "%m/%d/%Y %H:%M") for each in (row, copied))  # noqa: DTZ007
        assert (moved - before).days == 53 * 7 * (target // 3)


def test_the_day_after_is_later_than_every_row(source: Path) -> None:
    last = max(datetime.strptime(row[4], "%m/%d/%Y %H:%M").date() for row in read(with_rows(source, 9)))  # noqa: DTZ007
    assert (day_after(9) - last).days == 1


def test_rows_are_generated_where_the_real_file_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAIL_TEST_DATA", str(tmp_path))
    monkeypatch.setattr(online_retail, "ROWS", 500)
    rows = read(online_retail.make_source(tmp_path))
    assert len(rows) == 500
    assert all(int(row[3]) and float(row[5]) >= 0 and row[4].startswith("12/1/2010") for row in rows)
    assert "generated" in online_retail.describe_source()
