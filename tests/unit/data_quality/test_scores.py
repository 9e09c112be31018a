"""The formula of the quality scores, for daily checks and file loads alike."""

from __future__ import annotations

from decimal import Decimal

from data_quality.scores import Measurement, calculate_scores, score_rules


def measurement(measured: str, threshold: int = 100, dimension: str = "validity", weight: int = 1) -> Measurement:
    return Measurement(dimension, Decimal(measured), Decimal(threshold), weight)


def test_a_measurement_earns_its_share_of_the_threshold() -> None:
    assert calculate_scores([measurement("45", 90)]).dimensions == {"validity": 50}


def test_more_than_the_threshold_earns_no_more_than_100() -> None:
    assert calculate_scores([measurement("97", 90), measurement("50")]).overall == 75


def test_a_threshold_of_zero_is_always_reached() -> None:
    assert calculate_scores([measurement("0", 0)]).overall == 100


def test_a_dimension_is_the_mean_by_weight_and_weight_zero_counts_for_nothing() -> None:
    parts = [measurement("100", weight=3), measurement("0", weight=1), measurement("0", weight=0)]
    assert calculate_scores(parts).dimensions == {"validity": 75}


def test_scores_are_rounded_down() -> None:
    assert calculate_scores([measurement("99.99999")]).overall == Decimal("99.9999")


def test_file_loads_have_a_threshold_only_for_weighted_dimensions() -> None:
    rules = score_rules()
    assert set(rules.file_thresholds) < set(rules.dimension_weights)
    assert all(0 < threshold <= 100 for threshold in rules.file_thresholds.values())
