"""Ids that no source can give: those of the unknown members, key 0, of the warehouse's dimensions."""

from __future__ import annotations

RESERVED_IDS = ("unknown",)


def not_reserved(given: str) -> str:
    """The id. Raises ValueError if it is reserved."""
    if given in RESERVED_IDS:
        raise ValueError(f"{given!r} is reserved for what the platform does not know; use another id")
    return given
