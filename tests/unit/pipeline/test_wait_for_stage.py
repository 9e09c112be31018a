"""When a service of `docker-compose --profile services up` may start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.wait_for_stage import Decision, LatestRun, decide, wait_for_stage
from shared.errors import StopRun

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        (None, Decision.WAIT),
        (("running", EARLIER), Decision.WAIT),
        (("failed", EARLIER), Decision.WAIT),
        (("failed", LATER), Decision.GIVE_UP),
        (("succeeded", EARLIER), Decision.GO),
        (("partly_failed", LATER), Decision.GO),
    ],
)
def test_only_a_failure_since_the_wait_began_ends_it(latest: LatestRun, expected: Decision) -> None:
    assert decide(latest, NOW) is expected


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_it_waits_until_the_previous_stage_is_done() -> None:
    clock, seen = Clock(), iter([None, ("running", NOW), ("succeeded", NOW)])
    wait_for_stage(lambda: next(seen), "ingest", clock=clock, sleep=clock.sleep)
    assert clock.now > NOW


def test_it_does_not_wait_forever() -> None:
    clock = Clock()
    with pytest.raises(StopRun, match="The previous stage, ingest, did not finish within 1 minutes"):
        wait_for_stage(lambda: None, "ingest", clock=clock, sleep=clock.sleep, timeout_seconds=60)


def test_a_failed_stage_is_named() -> None:
    clock = Clock()
    with pytest.raises(StopRun, match="The previous stage, ingest, failed"):
        wait_for_stage(lambda: ("failed", LATER), "ingest", clock=clock, sleep=clock.sleep)
