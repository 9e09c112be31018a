"""Wait until a stage has been done for yesterday, then become another command.

`python -m pipeline.wait_for_stage ingest python -m transformation.main` gives the services of `docker-compose --profile
services up -d`, which all start at once, their order. It looks at `ops.pipeline_runs`, so it does not matter who ran
the stage before: that service, Airflow, a person.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from enum import Enum

from shared.commands import exit_code
from shared.config import load_settings
from shared.database import session
from shared.errors import FixConfiguration, StopRun

TIMEOUT_SECONDS = 1800.0
PAUSE_SECONDS = 2.0
_LATEST = """
    SELECT status, started_at FROM ops.pipeline_runs
     WHERE stage = %s AND business_date = %s
     ORDER BY pipeline_run_id DESC LIMIT 1
"""
LatestRun = tuple[str, datetime] | None


class Decision(Enum):
    """What the newest run of the stage before means for whoever waits for it."""

    GO = "go"
    WAIT = "wait"
    GIVE_UP = "give up"


def outcome(latest: LatestRun, waiting_since: datetime) -> Decision:
    """Go when it is done, if only for some retailers; a failure counts from when on we wait, not that of last night."""
    if latest is None:
        return Decision.WAIT
    status, started_at = latest
    if status in ("succeeded", "partly_failed"):
        return Decision.GO
    return Decision.GIVE_UP if status == "failed" and started_at >= waiting_since else Decision.WAIT


def await_stage(
    latest_run: Callable[[], LatestRun],
    stage: str,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:
    """Return when the stage is done. Raises StopRun when it failed or nobody ran it for `timeout_seconds` seconds."""
    since = clock()
    while (found := outcome(latest_run(), since)) is not Decision.GO:
        if found is Decision.GIVE_UP:
            raise StopRun(f"the stage before, {stage}, has failed. See its log; run it again, then this one.")
        if (clock() - since).total_seconds() >= timeout_seconds:
            raise StopRun(
                f"nobody finished the stage before, {stage}, in {timeout_seconds / 60:.0f} minutes. Run it first."
            )
        sleep(PAUSE_SECONDS)


def _latest_run(dsn: str, stage: str, day: date) -> LatestRun:
    with session(dsn, application_name="retail-await") as connection, connection.cursor() as cursor:
        cursor.execute(_LATEST, (stage, day))
        return cursor.fetchone()


def main(arguments: Sequence[str]) -> None:
    """Wait, then replace this process by the command."""
    if len(arguments) < 2:
        raise FixConfiguration("Usage: python -m pipeline.wait_for_stage STAGE COMMAND...")
    stage, *command = arguments
    settings = load_settings({"S3_BUCKET_RAW": "any", "S3_BUCKET_PROCESSED": "any", **os.environ})
    dsn = settings.warehouse_dsn.get_secret_value()
    day = settings.business_yesterday(datetime.now(UTC))
    await_stage(lambda: _latest_run(dsn, stage, day), stage, clock=lambda: datetime.now(UTC))
    os.execvp(command[0], command)  # noqa: S606 - the command is the service's own


if __name__ == "__main__":
    with exit_code():
        main(sys.argv[1:])
