"""Cursors: a position in a listing, encoded so that clients treat it as opaque."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import orjson

from retailers.rejections import Rejected


@dataclass(frozen=True)
class Position:
    """How far a listing was read: time and key of the last good order, orders delivered, and the next page."""

    listing: str
    time: int = -1
    key: int = -1
    delivered: int = 0
    page: int = 1


def encode(position: Position) -> str:
    """The position as a cursor."""
    fields = [position.listing, position.time, position.key, position.delivered, position.page]
    return base64.urlsafe_b64encode(orjson.dumps(fields)).decode().rstrip("=")


def decode(cursor: str | None, listing: str) -> Position:
    """The position of a cursor; the beginning if there is none. Raises Rejected for a cursor of another listing."""
    if cursor is None:
        return Position(listing)
    try:
        fields = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        named, *numbers = fields
        if named != listing or len(numbers) != 4 or not all(type(n) is int and abs(n) < 2**62 for n in numbers):
            raise ValueError(cursor)
        return Position(listing, *numbers)
    except (ValueError, TypeError, binascii.Error):
        raise Rejected(
            400, "invalid_cursor", "the cursor does not belong to this listing; begin again without"
        ) from None
