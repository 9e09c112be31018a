"""Wait until a stage has finished for yesterday, then replace this process with another command.

`python -m pipeline.wait_for_stage ingest python -m transformation.main` gives the services of `docker-compose --profile
services up -d`, which all start at once, their order. It reads `ops.pipeline_runs`, so the stage may have been run by
that service, by Airflow, or manually.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import NamedTuple

from shared.commands import exit_code
from shared.config import load_settings
from shared.database import session
from shared.errors import FixConfiguration, StopRun

TIMEOUT_SECONDS = 1800.0
PAUSE_SECONDS = 2.0
_LATEST = """
    SELECT pipeline_run_id, status FROM ops.pipeline_runs
     WHERE stage = %s AND business_date = %s
     ORDER BY pipeline_run_id DESC LIMIT 1
"""


class StageRun(NamedTuple):
    """The latest run of a stage for a date."""

    number: int
    status: str


LatestRun = StageRun | None


class Decision(Enum):
    """What the latest run of the previous stage means for the process that waits for it."""

    GO = "go"
    WAIT = "wait"
    GIVE_UP = "give up"


def decide(latest: LatestRun, at_first: LatestRun) -> Decision:
    """Go when the stage is done, even if only for some retailers; give up for a failure since the wait began only.

    `at_first` is what was found when the wait began. The two are compared, and not the times of the run: the clock of
    the process that recorded it need not agree with ours.
    """
    if latest is None:
        return Decision.WAIT
    if latest.status in ("succeeded", "partly_failed"):
        return Decision.GO
    return Decision.GIVE_UP if latest.status == "failed" and latest != at_first else Decision.WAIT


def wait_for_stage(
    latest_run: Callable[[], LatestRun],
    stage: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:
    """Return when the stage is done. Raises StopRun when it fails, or is not done within `timeout_seconds`."""
    since, at_first = clock(), latest_run()
    latest = at_first
    while (found := decide(latest, at_first)) is not Decision.GO:
        if found is Decision.GIVE_UP:
            raise StopRun(f"The previous stage, {stage}, failed. Read its log, run it again, then run this one.")
        if clock() - since >= timeout_seconds:
            raise StopRun(
                f"The previous stage, {stage}, did not finish within {timeout_seconds / 60:.0f} minutes. Run it first."
            )
        sleep(PAUSE_SECONDS)
        latest = latest_run()


def _latest_run(dsn: str, stage: str, day: date) -> LatestRun:
    with session(dsn, application_name="retail-wait") as connection, connection.cursor() as cursor:
        cursor.execute(_LATEST, (stage, day))
        row = cursor.fetchone()
        return StageRun(*row) if row else None


def main(arguments: Sequence[str]) -> None:
    """Wait, then replace this process with the command."""
    if len(arguments) < 2:
        raise FixConfiguration("Usage: python -m pipeline.wait_for_stage STAGE COMMAND...")
    stage, *command = arguments
    settings = load_settings({"S3_BUCKET_RAW": "any", "S3_BUCKET_PROCESSED": "any", **os.environ})
    dsn = settings.warehouse_dsn.get_secret_value()
    day = settings.business_yesterday(datetime.now(UTC))
    wait_for_stage(lambda: _latest_run(dsn, stage, day), stage)
    os.execvp(command[0], command)  # noqa: S606 - the command is the service's own


if __name__ == "__main__":
    with exit_code():
        main(sys.argv[1:])
