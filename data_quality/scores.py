"""The quality score of a daily run and of a file load: 0 to 100 per dimension and overall. Pure.

1. A measurement says how many percent of what was checked are right, and how many are enough (its threshold).
2. A measurement earns its share of the threshold, 100 at most: what is good enough earns 100.
3. The score of a dimension is the mean of what its measurements earn, by their weights.
4. The overall score is the mean of the dimensions, by their weights. Dimensions without a measurement are left out.

Scores are rounded down to four decimals, so that 100 means that nothing is below its threshold. A score says how good
the data is. Whether a run may continue depends on the outcome of its checks instead. `scores.toml` has the weights.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import cache
from pathlib import Path
from typing import Literal

Dimension = Literal["completeness", "accuracy", "consistency", "validity", "uniqueness", "timeliness"]
_HUNDRED = Decimal(100)
_STEP = Decimal("0.0001")


@dataclass(frozen=True)
class Measurement:
    """What was found about one dimension; `measured` and `threshold` are percent."""

    dimension: str
    measured: Decimal
    threshold: Decimal
    weight: int = 1

    @property
    def earned(self) -> Decimal:
        """The share of the threshold that was reached, in percent, 100 at most."""
        return min(_HUNDRED, 100 * self.measured / self.threshold) if self.threshold else _HUNDRED


@dataclass(frozen=True)
class Scores:
    """Overall and per dimension; a dimension without a measurement is absent."""

    overall: Decimal
    dimensions: Mapping[str, Decimal]


@dataclass(frozen=True)
class ScoreRules:
    """Weights and thresholds, as `scores.toml` has them."""

    dimension_weights: Mapping[str, int]
    severity_weights: Mapping[str, int]
    file_thresholds: Mapping[str, int]


@cache
def score_rules() -> ScoreRules:
    """The weights and thresholds."""
    return ScoreRules(**tomllib.loads(Path(__file__).with_name("scores.toml").read_text(encoding="utf-8")))


def calculate_scores(measurements: Sequence[Measurement]) -> Scores:
    """The scores of all measurements; 100 when nothing could be measured."""
    dimensions = {}
    for dimension in score_rules().dimension_weights:
        score = _mean([(each.weight, each.earned) for each in measurements if each.dimension == dimension])
        if score is not None:
            dimensions[dimension] = score
    overall = _mean([(score_rules().dimension_weights[name], score) for name, score in dimensions.items()])
    return Scores(_HUNDRED if overall is None else overall, dimensions)


def _mean(weighted: Sequence[tuple[int, Decimal]]) -> Decimal | None:
    total = sum(weight for weight, _ in weighted)
    if not total:
        return None
    return (sum((weight * value for weight, value in weighted), Decimal(0)) / total).quantize(_STEP, ROUND_FLOOR)
