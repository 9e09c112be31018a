from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ingestion.prefetch import prefetch


def test_all_items_arrive_in_order() -> None:
    with prefetch(iter(range(100))) as items:
        assert list(items) == list(range(100))


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("page 2")

    seen = []
    with pytest.raises(ValueError, match="page 2"), prefetch(failing()) as items:
        for item in items:
            seen.append(item)
    assert seen == [1]


def test_leaving_the_block_early_stops_the_reading() -> None:
    fetched: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            fetched.append(number)
            yield number
            number += 1

    before = threading.active_count()
    with prefetch(endless()) as items:
        assert next(items) == 0
    assert len(fetched) <= 4
    assert threading.active_count() == before


def test_only_a_bounded_number_of_items_is_prefetched() -> None:
    fetched: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(50):
            fetched.append(number)
            yield number

    with prefetch(counted()) as items:
        for item in items:
            assert len(fetched) <= item + 4
