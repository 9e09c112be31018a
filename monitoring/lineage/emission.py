"""OpenLineage events of a stage: sent when the client's own environment variables name a receiver, else nothing at all.

A thread imports the client and sends while the stage works, so that neither costs the stage its time. A receiver that
is down, slow or rejects costs a run a second or two at its end and a line in the log.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from monitoring.lineage.lineage_run import LineageRun, moments, parent_of
from shared.logs import get_logger

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

    from monitoring.lineage.flows import Flow
    from monitoring.stage_runs import StageOutcome, StageRun

log = get_logger(__name__)
NAMESPACE = "retail_analytics"
"""Of our jobs, unless OPENLINEAGE_NAMESPACE says another."""
TIMEOUT_SECONDS = 2.0
"""How long the end of a stage waits for its next event to be sent."""
IMPORT_SECONDS = 10.0
"""How long it waits before that for the client to be imported, on a machine that has other things to do."""
_REQUEST_SECONDS = 5.0
"""A request may take longer while the stage is at work; nobody waits for it then."""


def configured(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a receiver is named."""
    if environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    return bool(environ.get("OPENLINEAGE_URL") or environ.get("OPENLINEAGE_CONFIG")) or any(
        name.startswith("OPENLINEAGE__TRANSPORT") and value for name, value in environ.items()
    )


@contextmanager
def told(stage: StageRun, outcome: StageOutcome, clock: Callable[[], datetime]) -> Iterator[None]:
    """Tell of the stage's start and end; nothing at all when nobody is to be told."""
    if not configured():
        yield
        return
    parts = moments(stage.run_id, stage.stage, stage.business_date, stage.retailers)
    teller = _LineageSender(stage.run_id)
    teller.tell([(part, "START", (), None) for part in parts], clock())
    raised: BaseException | None = None
    try:
        yield
    except BaseException as error:
        raised = error
        raise
    finally:
        teller.tell([_end(part, outcome, raised) for part in parts], clock())
        teller.finish()


_Happening = tuple[LineageRun, str, "Sequence[Flow]", str | None]


def _end(part: LineageRun, outcome: StageOutcome, raised: BaseException | None) -> _Happening:
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
    """Sends events in their order, in a thread that ends with the process at the latest."""

    def __init__(self, run_id: str) -> None:
        self._parent = parent_of(run_id)
        self._namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or NAMESPACE
        self._waiting: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._ready, self._moved = threading.Event(), threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._work, name="openlineage", daemon=True)
        self._thread.start()

    def tell(self, happenings: Sequence[_Happening], at: datetime) -> None:
        """Have these sent."""
        for moment, state, flows, error in happenings:
            self._waiting.put((moment, self._parent, self._namespace, at, state, tuple(flows), error))

    def finish(self) -> None:
        """Wait until all is sent, as long as it goes on."""
        self._waiting.put(None)
        self._ready.wait(IMPORT_SECONDS)
        while not self._over:
            if not self._moved.wait(TIMEOUT_SECONDS):
                log.warning("lineage events not sent in time", timeout_seconds=TIMEOUT_SECONDS)
                return
            self._moved.clear()

    def _work(self) -> None:
        try:
            self._send()
        finally:
            self._over = True
            self._moved.set()

    def _send(self) -> None:
        try:
            from monitoring.lineage.events import Told, event

            client = _client()
        except Exception as error:  # noqa: BLE001 - lineage is told on the side and never ends a run
            log.warning("lineage events not sent", error=f"{type(error).__name__}: {error}")
            return
        finally:
            self._ready.set()
        while (facts := self._waiting.get()) is not None:
            try:
                client.emit(event(Told(*facts)))
            except Exception as error:  # noqa: BLE001 - see above
                log.warning("lineage event not sent", error=f"{type(error).__name__}: {error}"[:300])
            self._moved.set()
        client.close(TIMEOUT_SECONDS)


def _client() -> OpenLineageClient:
    """The client as its own settings have it; where only a URL is set, with short timeouts instead of its long ones."""
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

    env = os.environ
    if not env.get("OPENLINEAGE_URL") or env.get("OPENLINEAGE_CONFIG") or env.get("OPENLINEAGE__TRANSPORT__TYPE"):
        return OpenLineageClient()
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
    return OpenLineageClient(transport=transport)
