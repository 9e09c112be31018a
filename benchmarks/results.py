"""The results of a run, stored in .local/bench/results.json and read to write the document."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmarks.process_watch import Cost


class Timing(BaseModel):
    """One piece of work, measured several times."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    costs: list[Cost] = []
    watched: Cost | None = None
    """One more repetition, in which the servers' memory was watched. That takes time, so it is not in `costs`."""
    rows: int = 0
    """Rows or records processed."""
    steps: dict[str, list[float]] = {}
    """Seconds of its steps, per repetition."""
    facts: dict[str, str] = {}
    """Other figures, such as rows written."""

    @property
    def seconds(self) -> float:
        """Median."""
        return statistics.median(cost.seconds for cost in self.costs)

    @property
    def spread(self) -> tuple[float, float]:
        """Shortest and longest."""
        seconds = [cost.seconds for cost in self.costs]
        return min(seconds), max(seconds)

    def middle(self, figure: Callable[[Cost], float]) -> float:
        """Median of a figure of each repetition."""
        return statistics.median(figure(cost) for cost in self.costs)

    @property
    def peak_bytes(self) -> int:
        """Highest memory of our process over all repetitions."""
        return max(cost.peak_bytes for cost in [*self.costs, *([self.watched] if self.watched else [])])

    def server_peak(self, name: str) -> int:
        """Highest memory of a server; 0 when it was not watched."""
        return self.watched.server_peak_bytes.get(name, 0) if self.watched else 0

    def server_seconds(self, name: str) -> float:
        """Median processor seconds of a server."""
        return self.middle(lambda cost: cost.server_processor_seconds.get(name, 0.0))

    def step_medians(self) -> dict[str, float]:
        """Median of each step."""
        return {name: statistics.median(seconds) for name, seconds in self.steps.items()}


class Results(BaseModel):
    """All measurements by name. Names of loads end with `@` and the rows of the file."""

    machine: dict[str, str]
    source: str
    code_version: str
    started_at: str
    load_before: float
    repetitions: int
    seconds: float = 0
    timings: dict[str, Timing] = {}
    notes: list[str] = []
    """What could not be measured, and why."""

    def merged_with(self, older: Results | None) -> Results:
        """These results, plus timings of an older run on the same machine that this run did not measure."""
        if older is None or older.machine != self.machine:
            return self
        return self.model_copy(update={"timings": {**older.timings, **self.timings}})


def read_results(path: Path) -> Results | None:
    """The results of the last run, if they exist and this version can read them."""
    try:
        return Results.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def at(name: str, rows: int) -> str:
    """The name of a load of a file of so many rows."""
    return f"{name}@{rows}"
