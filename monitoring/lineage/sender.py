"""Sends OpenLineage events of a stage, if the client's own environment variables name a receiver.

A thread imports the client and sends while the stage works, so that neither delays the stage. A receiver that is
down, slow or rejects events costs a run a second or two at its end, and a line in the log.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from monitoring.lineage.runs import LineageRun, lineage_runs, parent_of
from shared.errors import describe_error
from shared.logs import get_logger

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

    from monitoring.lineage.flows import Flow
    from monitoring.stage_runs import StageOutcome, StageRun

log = get_logger(__name__)
NAMESPACE = "retail_analytics"
"""The namespace of the jobs, unless OPENLINEAGE_NAMESPACE sets another one."""
TIMEOUT_SECONDS = 2.0
"""How long the end of a stage waits for its next event to be sent."""
IMPORT_SECONDS = 10.0
"""How long it waits before that for the import of the client, which is slow on a busy machine."""
_REQUEST_SECONDS = 5.0
"""A request may take longer while the stage works, since nothing waits for it then."""


def configured(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a receiver is named."""
    if environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    return bool(environ.get("OPENLINEAGE_URL") or environ.get("OPENLINEAGE_CONFIG")) or any(
        name.startswith("OPENLINEAGE__TRANSPORT") and value for name, value in environ.items()
    )


@contextmanager
def sending_lineage(stage: StageRun, outcome: StageOutcome, clock: Callable[[], datetime]) -> Iterator[None]:
    """Send events of the stage's start and end, if a receiver is configured."""
    parts = lineage_runs(stage.run_id, stage.stage, stage.business_date, stage.retailers)
    if not parts or not configured():
        yield
        return
    sender = _LineageSender(stage.run_id)
    sender.send([(part, "START", (), None) for part in parts], clock())
    raised: BaseException | None = None
    try:
        yield
    except BaseException as error:
        raised = error
        raise
    finally:
        sender.send([_end(part, outcome, raised) for part in parts], clock())
        sender.finish()


_Change = tuple[LineageRun, str, "Sequence[Flow]", str | None]


def _end(part: LineageRun, outcome: StageOutcome, raised: BaseException | None) -> _Change:
    flows = [flow for flow in outcome.flows if part.retailer_id in (None, flow.retailer_id)]
    error = outcome.message or type(raised).__name__ if raised else _error_of(part, outcome)
    return part, "FAIL" if error else "COMPLETE", flows, error


def _error_of(part: LineageRun, outcome: StageOutcome) -> str | None:
    if part.retailer_id is None:
        return None if outcome.status == "succeeded" else outcome.message or outcome.status
    own = (outcome.details or {}).get("retailers", {}).get(part.retailer_id, {})
    error: str | None = own.get("error")
    return error


class _LineageSender:
    """Sends events in order, in a thread that ends with the process at the latest."""

    def __init__(self, run_id: str) -> None:
        self._parent = parent_of(run_id)
        self._namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or NAMESPACE
        self._waiting: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._ready, self._moved = threading.Event(), threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._work, name="openlineage", daemon=True)
        self._thread.start()

    def send(self, changes: Sequence[_Change], at: datetime) -> None:
        """Queue these events."""
        for run, state, flows, error in changes:
            self._waiting.put((run, self._parent, self._namespace, at, state, tuple(flows), error))

    def finish(self) -> None:
        """Wait until all events are sent, as long as there is progress."""
        self._waiting.put(None)
        self._ready.wait(IMPORT_SECONDS)
        while not self._over:
            if not self._moved.wait(TIMEOUT_SECONDS):
                log.warning("lineage events not sent in time", timeout_seconds=TIMEOUT_SECONDS)
                return
            self._moved.clear()

    def _work(self) -> None:
        try:
            self._send_queued()
        finally:
            self._over = True
            self._moved.set()

    def _send_queued(self) -> None:
        try:
            from monitoring.lineage.events import LineageEvent, to_openlineage

            client = _client()
        except Exception as error:  # noqa: BLE001 - an error in sending lineage never ends a run
            log.warning("lineage events not sent", error=describe_error(error))
            return
        finally:
            self._ready.set()
        while (facts := self._waiting.get()) is not None:
            try:
                client.emit(to_openlineage(LineageEvent(*facts)))
            except Exception as error:  # noqa: BLE001 - see above
                log.warning("lineage event not sent", error=describe_error(error)[:300])
            self._moved.set()
        client.close(TIMEOUT_SECONDS)


def _client() -> OpenLineageClient:
    """The client with its own settings; if only a URL is set, with shorter timeouts than its defaults.

    Over HTTP, time and size of a response are bounded.
    """
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

    from monitoring.lineage.bounded_http import bound

    env = os.environ
    if not env.get("OPENLINEAGE_URL") or env.get("OPENLINEAGE_CONFIG") or env.get("OPENLINEAGE__TRANSPORT__TYPE"):
        client = OpenLineageClient()
        bound(client.transport)
        return client
    key = env.get("OPENLINEAGE_API_KEY")
    transport = HttpTransport(
        HttpConfig(
            url=env.get("OPENLINEAGE_URL", ""),
            endpoint=env.get("OPENLINEAGE_ENDPOINT") or "api/v1/lineage",
            timeout=_REQUEST_SECONDS,
            auth=ApiKeyTokenProvider({"api_key": key}) if key else TokenProvider({}),
            retry={"total": 0},
        )
    )
    bound(transport)
    return OpenLineageClient(transport=transport)
