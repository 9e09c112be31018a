"""The id of a line that its source does not number."""

from __future__ import annotations

from hashlib import blake2b

import orjson


def content_line_id(*content: object) -> str:
    """`h` and 16 hexadecimal digits of a digest of the line's raw content.

    An exact duplicate gets the same id. Two different lines with the same product get two ids.
    """
    return "h" + blake2b(orjson.dumps(content), digest_size=8).hexdigest()
