"""A record that appears on an earlier page while a listing is being read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from threading import Lock

from retailers.archive.database import Database
from retailers.faults.board import FaultBoard

_FAULT = "insert_after_page"
Parameters = Callable[[], Mapping[str, object]]


class HeldBack:
    """Hides the first record of a day from its first page on, and shows it after page n was served; once per day."""

    def __init__(
        self,
        board: FaultBoard,
        database: Database,
        statements: Mapping[str, str],
        present: Parameters,
        changed: Callable[[], None],
    ) -> None:
        self._board, self._database, self._statements, self._present = board, database, statements, present
        self._changed = changed
        self._held: dict[date, int | None] = {}
        self._lock = Lock()

    def before_page(self, day: date) -> None:
        """Hide the day's first record, unless it was hidden before."""
        if self._board.on(_FAULT) is None or day in self._held:
            return
        with self._lock, self._database.transaction() as cursor:
            cursor.execute(self._statements["hold_back"], {"day": day, **self._present()})
            found = cursor.fetchone()
            self._held[day] = found[0] if found else None
        self._changed()

    def after_page(self, day: date, page: int, *, is_last: bool) -> None:
        """Show the record again, modified now, after the chosen page or the last one."""
        fault, held = self._board.on(_FAULT), self._held.get(day)
        if held is None or not (fault is None or page >= float(fault.value) or is_last):
            return
        self._reveal([held])
        self._held[day] = None

    def reveal_all(self) -> None:
        """Show all hidden records and forget on which days records were hidden."""
        self._reveal(None)
        self._held.clear()

    def _reveal(self, held: list[int] | None) -> None:
        with self._lock, self._database.transaction() as cursor:
            cursor.execute(self._statements["reveal"], {"held": held, **self._present()})
        self._changed()
