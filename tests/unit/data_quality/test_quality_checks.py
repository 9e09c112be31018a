"""The checks as data, and how a finding becomes a status and a score."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from data_quality.quality_checks import (
    SQL_DIRECTORY,
    Check,
    CheckResult,
    Finding,
    Severity,
    Status,
    judge,
    load_checks,
    outcome,
    read_finding,
    score_run,
)
from data_quality.scores import score_rules
from shared.errors import FixConfiguration

DAY = date(2024, 1, 15)


def check(**changes: Any) -> Check:
    values: dict[str, Any] = {
        "name": "rows",
        "dimension": "completeness",
        "severity": "critical",
        "threshold": 100,
        "description": "All rows are there",
        "remedy": "Load the date again",
    }
    return Check(**{**values, **changes})


def finding(checked: int, failed: int) -> Finding:
    return Finding("retailer_1", DAY, Decimal(checked), Decimal(failed), str(checked), str(checked - failed))


def result(checked: int, failed: int, **changes: Any) -> CheckResult:
    return judge(check(**changes), finding(checked, failed))


def test_every_check_has_a_query_and_every_query_a_check() -> None:
    queries = {path.stem for path in SQL_DIRECTORY.glob("*.sql")} - {"checked_slices"}
    assert queries == {each.name for each in load_checks()}


def test_every_dimension_has_a_check_and_a_weight() -> None:
    weights = score_rules().dimension_weights
    assert {each.dimension for each in load_checks()} == set(weights)
    assert sum(weights.values()) == 100


@pytest.mark.parametrize(
    ("severity", "status"), [("critical", Status.FAIL), ("warning", Status.WARN), ("info", Status.WARN)]
)
def test_below_its_threshold_a_check_fails_by_its_severity(severity: str, status: Status) -> None:
    assert result(100, 2, severity=severity, threshold=99).status is status
    assert result(100, 1, severity=severity, threshold=99).status is Status.PASS


def test_one_wrong_row_in_a_billion_still_shows_and_still_fails() -> None:
    lonely = result(1_000_000_000, 1)
    assert (lonely.status, lonely.score) == (Status.FAIL, Decimal("99.9999"))


def test_nothing_to_check_is_right() -> None:
    assert (result(0, 0).status, result(0, 0).score) == (Status.PASS, Decimal(100))


def test_more_wrong_than_there_should_be_scores_nothing_rather_than_less() -> None:
    assert result(10, 25).score == 0


def test_a_failure_says_where_what_was_expected_what_was_found_and_what_to_do() -> None:
    place = "retailer_1 2024-01-15: All rows are there"
    assert result(10, 3).message == f"{place}: expected 10, found 7. Load the date again."
    assert result(10, 0).message == f"{place}: expected 10, found 10"


def test_a_query_without_texts_is_described_by_its_share() -> None:
    row = {"retailer_id": "retailer_1", "business_date": DAY, "checked": 5000, "failed": 10}
    described = read_finding(check(threshold=99), row)
    assert (described.expected, described.actual) == ("99 % or more", "4,990 of 5,000")
    assert read_finding(check(), row).expected == "all"


def test_counts_have_thousands_separators() -> None:
    row = {"retailer_id": "r", "business_date": DAY, "checked": 1, "failed": 0, "expected": 12345, "actual": "12"}
    assert read_finding(check(), row).expected == "12,345"


def test_the_outcome_is_the_worst_that_counts() -> None:
    passed, info = result(1, 0), result(1, 1, severity="info")
    warned, failed = result(1, 1, severity="warning"), result(1, 1)
    assert outcome([]) is Status.PASS
    assert outcome([passed, info]) is Status.PASS
    assert outcome([passed, warned, info]) is Status.WARN
    assert outcome([failed, warned]) is Status.FAIL


def test_what_is_good_enough_earns_a_full_score() -> None:
    guests = result(100, 40, severity="warning", threshold=40)
    assert guests.score == 60
    assert score_run([guests]).overall == 100


def test_a_critical_check_weighs_three_warnings_and_info_nothing() -> None:
    results = [result(1, 1, severity="warning"), result(1, 0), result(1, 1, severity="info")]
    assert score_run(results).dimensions == {"completeness": 75}


def test_dimensions_without_a_check_do_not_count() -> None:
    results = [result(1, 1), result(1, 0, dimension="timeliness")]
    assert score_run(results).overall == Decimal("16.6666")  # 5 of 25 + 5
    assert score_run([]).overall == 100


def test_a_wrong_definition_is_named_with_its_field(tmp_path: Path) -> None:
    file = tmp_path / "checks.toml"
    file.write_text(
        '[rows]\ndimension = "mood"\nseverity = "critical"\nthreshold = 1\ndescription = "d"\nremedy = "r"\n'
    )
    with pytest.raises(FixConfiguration, match=r"checks\.toml: rows: dimension: "):
        load_checks(file)


def test_a_check_without_a_query_is_named(tmp_path: Path) -> None:
    file = tmp_path / "checks.toml"
    file.write_text(
        '[nowhere]\ndimension = "accuracy"\nseverity = "info"\nthreshold = 1\ndescription = "d"\nremedy = "r"\n'
    )
    with pytest.raises(FixConfiguration, match="nowhere"):
        load_checks(file)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "checks.toml"
    file.write_text("[rows\n")
    with pytest.raises(FixConfiguration, match="cannot be read"):
        load_checks(file)


def test_severities_are_those_the_history_knows() -> None:
    assert {severity.value for severity in Severity} == {"critical", "warning", "info"}
    assert {severity.value for severity in Severity} == set(score_rules().severity_weights)
