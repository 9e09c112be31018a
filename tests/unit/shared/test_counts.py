from __future__ import annotations

from shared.counts import counted


def test_one_is_not_many() -> None:
    assert [counted(number, "date") for number in (0, 1, 1200)] == ["0 dates", "1 date", "1,200 dates"]
