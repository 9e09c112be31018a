"""The result of a quality run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from data_quality.quality_checks import CheckResult, Status
from data_quality.scores import Scores


@dataclass(frozen=True)
class QualityResult:
    """The outcome of all checks of a run."""

    business_date: date
    checks: tuple[CheckResult, ...]
    scores: Scores
    outcome: Status

    @property
    def score(self) -> float:
        """The overall score, 0 to 100."""
        return float(self.scores.overall)

    @property
    def ok(self) -> bool:
        """Whether no critical check failed."""
        return self.outcome is not Status.FAIL

    def with_status(self, status: Status) -> tuple[CheckResult, ...]:
        """The results with this status."""
        return tuple(result for result in self.checks if result.status is status)

    def as_dict(self, *, all_checks: bool = False) -> dict[str, Any]:
        """JSON-able form. For XCom the findings; `all_checks` includes what passed or was not checked."""
        shown = self.checks if all_checks else [each for each in self.checks if each.status.is_finding]
        return {
            "business_date": self.business_date.isoformat(),
            "outcome": self.outcome.value,
            "score": self.score,
            "dimensions": {name: float(score) for name, score in self.scores.dimensions.items()},
            "counts": {status.value: len(self.with_status(status)) for status in Status},
            "checks": [result.as_dict() for result in shown],
        }
