"""Lengths of time in a definition, such as `15m`: a whole number and a unit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_MOST_HOURS = 24


def _reader(units: str, unit: str, wanted: str) -> Callable[[Any], Any]:
    """What reads a length in one of these units, at most a day, and returns it in `unit`."""
    pattern = re.compile(rf"([0-9]{{1,5}})([{units}])")

    def read(given: Any) -> Any:
        found = pattern.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            raise ValueError(f"{given!r} is not {wanted}")
        if (seconds := int(found[1]) * _SECONDS[found[2]]) > _MOST_HOURS * 3600:
            raise ValueError(f"{given!r} is more than {_MOST_HOURS} hours")
        return seconds // _SECONDS[unit]

    return read


Minutes = Annotated[
    int,
    BeforeValidator(
        _reader("mh", "m", "a number of minutes or hours; examples are 15m and 2h"),
        json_schema_input_type=Annotated[str, Field(pattern=r"^[0-9]{1,5}[mh]$")],
    ),
]
Seconds = Annotated[
    int,
    BeforeValidator(
        _reader("smh", "s", "a duration; examples are 30s, 5m and 1h"),
        json_schema_input_type=Annotated[str, Field(pattern=r"^[0-9]{1,5}[smh]$")],
    ),
]
