from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ingestion.connectors.drops.place import ListedFile, is_wanted, name_problem
from pipeline.drop_selection import (
    DUPLICATE,
    LOADED,
    REJECTED,
    WAITING,
    KnownFile,
    Retry,
    Selection,
    is_complete,
    select_files,
)

NOW = datetime(2024, 1, 16, 6, tzinfo=UTC)
SETTLE = timedelta(seconds=60)


def listed(name: str = "a.csv", *, seconds_ago: float = 3600, version: str = "1") -> ListedFile:
    return ListedFile(name, f"drops/{name}", 10, NOW - timedelta(seconds=seconds_ago), version)


def known(status: str, *, seconds_ago: float = 900, digest: str = "now") -> KnownFile:
    return KnownFile(status, NOW - timedelta(seconds=seconds_ago), digest)


def select(*files: ListedFile, before: KnownFile | None = None, retry: Retry | None = None) -> Selection:
    ledger = {} if before is None else {(each.place, each.version): before for each in files}
    return select_files(files, ledger, now=NOW, settle=SETTLE, definition_digest="now", retry=retry or Retry())


def names(files: list[ListedFile]) -> list[str]:
    return [each.name for each in files]


def test_a_new_file_is_loaded_once_it_has_not_changed_for_a_while() -> None:
    assert names(select(listed(seconds_ago=61)).load) == ["a.csv"]
    assert names(select(listed(seconds_ago=59)).waiting) == ["a.csv"]
    assert names(select(replace(listed(seconds_ago=0), is_atomic=True)).load) == ["a.csv"]


@pytest.mark.parametrize(("first_listed", "complete"), [(61, True), (59, False)])
def test_where_a_clock_is_ahead_an_earlier_listing_of_the_same_version_decides(
    first_listed: float, complete: bool
) -> None:
    ahead = listed(seconds_ago=-7200)
    assert is_complete(ahead, known(WAITING, seconds_ago=first_listed), NOW, SETTLE) is complete
    assert is_complete(ahead, None, NOW, SETTLE) is False


def test_files_are_loaded_in_the_order_in_which_they_were_written() -> None:
    files = [listed("b.csv", seconds_ago=100), listed("c.csv", seconds_ago=300), listed("a.csv", seconds_ago=100)]
    assert names(select(*files).load) == ["c.csv", "a.csv", "b.csv"]


@pytest.mark.parametrize("status", [LOADED, DUPLICATE])
def test_a_decided_version_is_not_loaded_again_unless_a_user_names_it(status: str) -> None:
    assert names(select(listed(), before=known(status)).done) == ["a.csv"]
    assert names(select(listed(), before=known(status), retry=Retry(all_rejected=True)).done) == ["a.csv"]
    assert names(select(listed(), before=known(status), retry=Retry(["a.csv"])).load) == ["a.csv"]


def test_a_rejected_version_is_tried_again_when_the_definition_changed_or_a_user_says_so() -> None:
    assert names(select(listed(), before=known(REJECTED)).rejected) == ["a.csv"]
    assert names(select(listed(), before=known(REJECTED, digest="before")).load) == ["a.csv"]
    assert names(select(listed(), before=known(REJECTED), retry=Retry(all_rejected=True)).load) == ["a.csv"]
    assert names(select(listed(), before=known(REJECTED), retry=Retry(["a.csv"])).load) == ["a.csv"]
    assert names(select(listed(), before=known(REJECTED), retry=Retry(["b.csv"])).rejected) == ["a.csv"]


def test_what_cannot_be_a_file_of_sales_is_reported_once() -> None:
    link = replace(listed(), problem="it is a link")
    assert names(select(link).unusable) == ["a.csv"]
    again = select(link, before=known(REJECTED))
    assert (names(again.rejected), again.unusable) == (["a.csv"], [])


@pytest.mark.parametrize("name", [".a.csv", "a.csv.part", "a.csv.PART", "a.csv~", "a.tmp", "a.txt", "a.csv.gz"])
def test_hidden_and_incomplete_files_and_other_names_are_left_alone(name: str) -> None:
    assert is_wanted("a.csv", "*.csv")
    assert not is_wanted(name, "*.csv")


def test_a_name_that_cannot_be_stored_is_a_problem() -> None:
    assert name_problem("Verkäufe 2024-01.csv") is None
    assert name_problem("a\udcff.csv") == "its name is not UTF-8. Rename it"
    assert name_problem("a\n.csv") == "its name contains a control character. Rename it"
    assert name_problem("ä" * 101) == "its name is longer than 200 bytes. Rename it"
