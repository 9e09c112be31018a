"""What a run over dropped files came to, file by file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.drop_selection import LOADED, REJECTED


@dataclass(frozen=True)
class FileOutcome:
    """One file that was decided in this run."""

    name: str
    status: str
    reason: str | None = None
    load_id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return dict(vars(self))


@dataclass
class DropResult:
    """A run over the files of one source."""

    source_id: str
    location: str
    listed: int = 0
    files: list[FileOutcome] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    """Files that are not complete yet, each with the reason."""
    rejected_before: list[str] = field(default_factory=list)
    """Files that were rejected by an earlier run and are still there, unchanged."""
    moved: int = 0
    problems: list[str] = field(default_factory=list)
    """What an operator has to do although every file was decided: files that cannot be moved, views not refreshed."""

    def with_status(self, status: str) -> list[FileOutcome]:
        """The files that were decided this way."""
        return [each for each in self.files if each.status == status]

    stopped: bool = False
    """Whether files are left because a server did not respond; the next run goes on with them."""

    @property
    def ok(self) -> bool:
        """Whether nothing was rejected in this run, and no problem is left."""
        return not self.problems and not self.with_status(REJECTED)

    @property
    def published(self) -> int:
        """How many files changed the warehouse."""
        return sum(each.load_id is not None for each in self.with_status(LOADED))

    def describe_problems(self) -> str:
        """One sentence for each file that was rejected in this run, and for each problem."""
        rejected = [f"{each.name} was rejected: {each.reason}" for each in self.with_status(REJECTED)]
        return "\n".join([*rejected, *self.problems])

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "source": self.source_id,
            "location": self.location,
            "ok": self.ok,
            "listed": self.listed,
            "files": [each.as_dict() for each in self.files],
            "waiting": self.waiting,
            "rejected_before": self.rejected_before,
            "moved": self.moved,
            "problems": self.problems,
            "stopped": self.stopped,
        }
