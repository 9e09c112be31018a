"""A source of the tests for dlt's runner, which takes whatever yields items: it needs no dlt."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any


@dataclass
class Source:
    """As dlt's own, it has its resources by name."""

    resources: dict[str, Any] = field(default_factory=dict)


def till(rows: str) -> Source:
    """The rows of a file, in lists as a paginated API has them."""
    found = json.loads(Path(rows).read_text(encoding="utf-8"))
    return Source({"sales": (found[at : at + 2] for at in range(0, len(found), 2))})


def typed() -> Iterator[dict[str, Any]]:
    """Values that JSON does not have."""
    sys.stdout.write("a library prints something\n")
    price = Decimal("12.345678901234567890")
    yield {"at": datetime(2024, 1, 15, 11, tzinfo=UTC), "price": price, "data": b"\x00\xff", "ratio": 0.1}
