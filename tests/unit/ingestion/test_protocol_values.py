"""What a connector returns is looked at where it returns it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from ingestion.connectors.protocol import Changes, RawPage
from shared.errors import FixConfiguration

NAIVE: Any = datetime(2024, 1, 15)  # noqa: DTZ001 - that is the mistake


def test_times_need_a_zone_and_rows_are_a_list() -> None:
    with pytest.raises(FixConfiguration, match=r"RawPage.as_of is .*, not a time with a time zone"):
        RawPage(1, [], NAIVE)
    with pytest.raises(FixConfiguration, match=r"Changes.as_of is '2024-01-15', not a time"):
        Changes({}, "2024-01-15")  # type: ignore[arg-type]
    with pytest.raises(FixConfiguration, match=r"a time of Changes.dates is .*, not a time"):
        Changes({date(2024, 1, 15): NAIVE}, datetime.now(UTC))
    with pytest.raises(FixConfiguration, match=r"RawPage.rows of page 2 is a dict, not a list"):
        RawPage(2, {"rows": []}, datetime.now(UTC))  # type: ignore[arg-type]
