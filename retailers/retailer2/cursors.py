"""Cursors: a place in a listing, written so that clients leave it alone."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import orjson

from retailers.rejections import Rejected


@dataclass(frozen=True)
class Place:
    """How far a listing was read: time and key of the last good order, orders delivered, and the page that follows."""

    listing: str
    time: int = -1
    key: int = -1
    delivered: int = 0
    page: int = 1


def written(place: Place) -> str:
    """The place as a cursor."""
    fields = [place.listing, place.time, place.key, place.delivered, place.page]
    return base64.urlsafe_b64encode(orjson.dumps(fields)).decode().rstrip("=")


def read(cursor: str | None, listing: str) -> Place:
    """The place a cursor stands for; the beginning without one. Raises Rejected for one of another listing."""
    if cursor is None:
        return Place(listing)
    try:
        fields = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        named, *numbers = fields
        if named != listing or len(numbers) != 4 or not all(type(n) is int and abs(n) < 2**62 for n in numbers):
            raise ValueError(cursor)
        return Place(listing, *numbers)
    except (ValueError, TypeError, binascii.Error):
        raise Rejected(
            400, "invalid_cursor", "the cursor does not belong to this listing; begin again without"
        ) from None
