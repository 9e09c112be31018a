"""When a source is read: `daily`, `manual`, `on_arrival`, or a cron expression."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

DAILY, MANUAL, ON_ARRIVAL = "daily", "manual", "on_arrival"
NAMES = (DAILY, MANUAL, ON_ARRIVAL)
_FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
"""The fields of a cron expression in their order, each with its lowest and highest number."""
_ITEM = re.compile(r"(?:\*|(?P<first>[0-9]{1,2})(?:-(?P<last>[0-9]{1,2}))?)(?:/(?P<step>[0-9]{1,2}))?")


def is_cron(schedule: str) -> bool:
    """Whether a valid schedule is a cron expression."""
    return schedule not in NAMES


def known_schedule(given: str) -> str:
    """The schedule, if it is one. Raises ValueError."""
    if given in NAMES:
        return given
    values = given.split()
    if len(values) != len(_FIELDS):
        raise ValueError(
            f"{given!r} is not allowed. Allowed: {', '.join(NAMES)}, or a cron expression such as '0 6 * * *'"
        )
    for value, (name, (lowest, highest)) in zip(values, _FIELDS.items(), strict=True):
        if not all(_fits(item, lowest, highest) for item in value.split(",")):
            raise ValueError(
                f"{given!r} is not a cron expression: its {name} {value!r} is not made of *, and of numbers from"
                f" {lowest} to {highest}, such as 5, 1-5 or */15"
            )
    return " ".join(values)


def _fits(item: str, lowest: int, highest: int) -> bool:
    found = _ITEM.fullmatch(item)
    if found is None or (found["step"] and not 1 <= int(found["step"]) <= highest):
        return False
    if found["first"] is None:
        return True
    if found["step"] and not found["last"]:
        return False  # programs differ in what 5/15 means
    first, last = int(found["first"]), int(found["last"] or found["first"])
    return lowest <= first <= last <= highest


Schedule = Annotated[
    str,
    AfterValidator(known_schedule),
    Field(
        json_schema_extra={
            "anyOf": [{"enum": list(NAMES)}, {"pattern": r"^\s*[0-9*,/-]+(\s+[0-9*,/-]+){4}\s*$"}],
        }
    ),
]
