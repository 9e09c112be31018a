"""Writes rows to tables with COPY, a bounded number of them in memory."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from io import StringIO

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

_ROWS_IN_MEMORY = 20_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
NULL = "\\N"


def escaped(text: str | None) -> str:
    """A text field as COPY reads it."""
    return NULL if text is None else text.translate(_ESCAPES)


@lru_cache(maxsize=50_000)
def money(minor: int) -> str:
    """Minor units (hundredths) as a decimal."""
    sign = "-" if minor < 0 else ""
    units, cents = divmod(abs(minor), 100)
    return f"{sign}{units}.{cents:02d}"


class CopyInto:
    """Writes lines of COPY text to a table. Call `flush` at the end."""

    def __init__(self, cursor: Cursor, table: str, columns: Iterable[str]) -> None:
        self._cursor = cursor
        self._command = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        self._rows: list[str] = []

    @property
    def is_full(self) -> bool:
        """Whether it is time to flush."""
        return len(self._rows) >= _ROWS_IN_MEMORY

    def add(self, row: str) -> None:
        """Add one row: tab-separated, escaped, without line end."""
        self._rows.append(row)

    def flush(self) -> None:
        """Send the added rows."""
        if self._rows:
            self._rows.append("")
            self._cursor.copy_expert(self._command, StringIO("\n".join(self._rows)))
            self._rows = []
