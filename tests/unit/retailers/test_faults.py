"""The list of faults and the board that says when each strikes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from retailers.faults.board import FaultBoard
from retailers.faults.specification import NAMES, parse_faults

MANUAL = Path(__file__).parents[3] / "docs" / "RETAILERS.md"


def board(text: str) -> FaultBoard:
    made = FaultBoard(seed=1)
    made.switch_on(parse_faults(text))
    return made


def strikes(made: FaultBoard, name: str, requests: int, *, page: int = 1, path: str = "/v1/sales") -> list[bool]:
    return [made.strikes(name, made.visit(path, page)) is not None for _ in range(requests)]


def test_a_list_of_faults_is_read_with_values_and_options() -> None:
    first, second, third = parse_faults("429:0.1;retry_after=2, slow:0.05;seconds=3,down")
    assert (first.name, first.value, dict(first.options)) == ("429", 0.1, {"retry_after": "2"})
    assert (second.number("seconds", 5), third.name) == (3.0, "down")


def test_an_empty_list_has_no_faults() -> None:
    assert parse_faults("") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("418", "unknown fault '418'"),
        ("429:2", "not a probability"),
        ("429:often", "429"),
        ("bad_rows:0.9", "not a share"),
        ("fail_at_page:0", "page number"),
        ("429;speed=3", "unknown option 'speed'"),
        ("slow;seconds=soon", "seconds"),
        ("empty_day:2024-02-30", "empty_day"),
        ("down:1", "takes no value"),
        ("bad_rows;kinds=ugly", "unknown kinds ugly"),
    ],
)
def test_a_wrong_list_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_faults(text)


def test_every_fault_is_in_the_manual() -> None:
    manual = MANUAL.read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in manual] == []


def test_a_probability_strikes_about_as_often_and_the_same_way_every_time() -> None:
    seen = strikes(board("500:0.3"), "500", 400)
    assert 0.2 < sum(seen) / 400 < 0.4
    assert seen == strikes(board("500:0.3"), "500", 400)


def test_times_limits_how_often_a_fault_strikes() -> None:
    assert sum(strikes(board("503;times=2"), "503", 10)) == 2


def test_after_lets_the_first_requests_through() -> None:
    assert strikes(board("503;after=2"), "503", 4) == [False, False, True, True]


def test_a_fault_of_a_page_strikes_there_only() -> None:
    made = board("fail_at_page:3")
    assert [strikes(made, "fail_at_page", 1, page=page)[0] for page in (1, 2, 3, 4, 3)] == [
        False, False, True, False, True,
    ]  # fmt: skip


def test_a_path_narrows_a_fault() -> None:
    made = board("500;path=/reports")
    assert strikes(made, "500", 1, path="/v1/sales") == [False]
    assert strikes(made, "500", 1, path="/v1/reports/daily") == [True]


def test_a_fault_replaces_the_one_of_its_name_and_can_be_removed() -> None:
    made = board("500,503")
    made.switch_on(parse_faults("500:0.5"))
    assert {each["name"]: each["value"] for each in made.as_list()} == {"500": 0.5, "503": 1.0}
    made.switch_off("503")
    assert [each["name"] for each in made.as_list()] == ["500"]
    made.switch_off()
    assert made.as_list() == []


def test_the_board_counts_strikes() -> None:
    made = board("500;times=2")
    strikes(made, "500", 5)
    assert made.as_list()[0]["fired"] == 2


def test_an_empty_day_is_one_date_or_every_date() -> None:
    assert board("empty_day:2024-01-15").on_day("empty_day", date(2024, 1, 15))
    assert not board("empty_day:2024-01-15").on_day("empty_day", date(2024, 1, 16))
    assert board("empty_day").on_day("empty_day", date(2024, 1, 16))


def test_duplicates_repeat_rows_next_to_each_other_and_lose_none() -> None:
    rows = list(range(500))
    repeated = board("duplicates:0.2").repeated(rows)
    assert 550 < len(repeated) < 660
    assert sorted(set(repeated)) == rows and list(repeated) == sorted(repeated)
