"""The switchboard of faults: which are on, how often each has struck, and whether it strikes a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from typing import TypeVar

from retailers.faults.specification import Fault
from retailers.seeding.randomness import Draw, stream

T = TypeVar("T")
_STRIKES_BY_CHANCE = frozenset({"429", "500", "503", "slow", "drop", "truncate", "html"})
_STRIKES_ON_ITS_PAGE = frozenset({"fail_at_page", "expire_token"})


@dataclass(frozen=True)
class Visit:
    """A data request as faults see it: path, number of the request, and page (1 if it is not a listing)."""

    path: str
    number: int
    page: int = 1


@dataclass
class _ActiveFault:
    fault: Fault
    draw: Draw
    fired: int = 0
    since: int = 0


@dataclass
class FaultBoard:
    """Switches faults on and off. Thread-safe. Each fault has its own random numbers, so runs are repeatable."""

    seed: int
    _active: dict[str, _ActiveFault] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _visits: int = 0

    def switch_on(self, faults: Iterable[Fault]) -> None:
        """Add faults; they replace those with the same name."""
        with self._lock:
            for fault in faults:
                draw = stream(self.seed, "fault", fault.name)
                self._active[fault.name] = _ActiveFault(fault, draw, since=self._visits)

    def switch_off(self, name: str | None = None) -> None:
        """Remove one fault, or all."""
        with self._lock:
            if name is None:
                self._active.clear()
            else:
                self._active.pop(name, None)

    def visit(self, path: str, page: int) -> Visit:
        """Count a data request."""
        with self._lock:
            self._visits += 1
            return Visit(path, self._visits, page)

    def latest(self, path: str, page: int) -> Visit:
        """The last counted data request, without counting it again."""
        return Visit(path, self._visits, page)

    def on(self, name: str) -> Fault | None:
        """The fault if it is switched on, whether or not it strikes."""
        active = self._active.get(name)
        return active.fault if active else None

    def on_day(self, name: str, day: date) -> bool:
        """Whether a fault for one date or for all dates is on for that date."""
        fault = self.on(name)
        return fault is not None and fault.value in ("", day.isoformat())

    def strikes(self, name: str, visit: Visit) -> Fault | None:
        """The fault if it strikes this request; the strike is counted."""
        with self._lock:
            active = self._active.get(name)
            if active is None or not _concerns(active, visit):
                return None
            if name in _STRIKES_BY_CHANCE and active.draw() >= float(active.fault.value):
                return None
            active.fired += 1
            return active.fault

    def repeated(self, rows: Sequence[T]) -> Sequence[T]:
        """The rows of a page, some of them twice if the fault `duplicates` is on."""
        fault = self.on("duplicates")
        if fault is None:
            return rows
        with self._lock:
            draw = self._active["duplicates"].draw
            return [row for row in rows for _ in range(1 + (draw() < float(fault.value)))]

    def as_list(self) -> list[dict[str, object]]:
        """The faults that are on, for the admin endpoint."""
        with self._lock:
            return [
                {"name": each.fault.name, "value": each.fault.value, "options": dict(each.fault.options), "fired": each.fired}  # noqa: E501
                for each in self._active.values()
            ]  # fmt: skip


def _concerns(active: _ActiveFault, visit: Visit) -> bool:
    fault = active.fault
    most = fault.options.get("times", "1" if fault.name == "expire_token" else None)
    if most is not None and active.fired >= int(most):
        return False
    if visit.number - active.since <= fault.number("after", 0):
        return False
    if fault.name in _STRIKES_ON_ITS_PAGE and visit.page != fault.value:
        return False
    if "page" in fault.options and visit.page != fault.number("page", 0):
        return False
    return fault.options.get("path", "") in visit.path
