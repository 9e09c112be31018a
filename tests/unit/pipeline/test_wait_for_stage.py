"""When a service of `docker-compose --profile services up` may start."""

from __future__ import annotations

import pytest

from pipeline.wait_for_stage import Decision, LatestRun, StageRun, decide, wait_for_stage
from shared.errors import StopRun


@pytest.mark.parametrize(
    ("latest", "at_first", "expected"),
    [
        (None, None, Decision.WAIT),
        (StageRun(1, "running"), StageRun(1, "running"), Decision.WAIT),
        (StageRun(1, "failed"), StageRun(1, "failed"), Decision.WAIT),
        (StageRun(2, "running"), StageRun(1, "failed"), Decision.WAIT),
        (StageRun(1, "failed"), StageRun(1, "running"), Decision.GIVE_UP),
        (StageRun(2, "failed"), StageRun(1, "failed"), Decision.GIVE_UP),
        (StageRun(1, "failed"), None, Decision.GIVE_UP),
        (StageRun(1, "succeeded"), StageRun(1, "succeeded"), Decision.GO),
        (StageRun(2, "partly_failed"), StageRun(1, "failed"), Decision.GO),
    ],
)
def test_only_a_failure_since_the_wait_began_ends_it(
    latest: LatestRun, at_first: LatestRun, expected: Decision
) -> None:
    assert decide(latest, at_first) is expected


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_waits_until_the_previous_stage_is_done() -> None:
    clock, seen = Clock(), iter([None, StageRun(1, "running"), StageRun(1, "succeeded")])
    wait_for_stage(lambda: next(seen), "ingest", clock=clock, sleep=clock.sleep)
    assert clock.now > 1000


def test_it_does_not_wait_forever() -> None:
    clock = Clock()
    with pytest.raises(StopRun, match="The previous stage, ingest, did not finish within 1 minutes"):
        wait_for_stage(lambda: None, "ingest", clock=clock, sleep=clock.sleep, timeout_seconds=60)
    assert clock.now >= 1060


def test_a_failed_stage_is_named() -> None:
    clock, seen = Clock(), iter([StageRun(1, "failed"), StageRun(2, "failed")])
    with pytest.raises(StopRun, match="The previous stage, ingest, failed"):
        wait_for_stage(lambda: next(seen), "ingest", clock=clock, sleep=clock.sleep)
