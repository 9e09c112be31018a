"""The sources: is each definition valid, are its variables set, does its address respond."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.findings import Finding, Health, reported, split_remedy
from shared.errors import FixConfiguration
from shared.parallel import run_in_parallel
from shared.sources.definition import Connection, SourceDefinition
from shared.sources.registry import Sources
from shared.urls import server_of

AREA = "retailer APIs"
TIMEOUT = (3.0, 5.0)
SIMULATED = ("retailer1", "retailer2", "retailer3")
"""The connectors of the retailers that come with the platform."""
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def check_sources(sources: Sources, advice: Advice) -> list[Finding]:
    """One line per enabled source and per broken definition, checked concurrently."""
    chosen = sources.enabled()
    if not chosen:
        reason = f"no source is enabled in {sources.directory}"
        return [Finding(AREA, "sources", Health.UNKNOWN, reason, "Add a definition (docs/SOURCES.md), or enable one")]
    found = run_in_parallel(lambda each: _check(each, sources, advice), chosen, name="source")
    return [each for findings in found for each in findings]


def _check(source_id: str, sources: Sources, advice: Advice) -> list[Finding]:
    if source_id in sources.broken:
        reason = " ".join(sources.broken[source_id].split())
        return [Finding(AREA, source_id, Health.DOWN, reason, "Correct the file; the next run reads it again")]
    if sources.get(source_id).connection is None:
        return [Finding(AREA, source_id, Health.OK, "its files are loaded by a command")]
    try:
        connection = sources.connect(source_id)
    except FixConfiguration as error:
        reason, remedy = split_remedy(str(error))
        remedy = f"{remedy.rstrip('.')}{advice.after_a_setting()}" if remedy else advice.settings()
        return [Finding(AREA, source_id, Health.UNKNOWN, reason, remedy)]
    found: list[Finding] = []
    with reported(AREA, source_id, found):
        found.append(_reach(sources.get(source_id), connection, advice))
    return found


def _reach(definition: SourceDefinition, connection: Connection, advice: Advice) -> Finding:
    """Any response is enough; a simulated retailer's /health also says whether its database responds."""
    parts = urlsplit(connection.url)
    if parts.scheme not in ("http", "https"):
        return Finding(AREA, definition.id, Health.OK, "its variables are set")
    shown = f"{parts.scheme}://{server_of(connection.url)}"  # a path may contain a key
    service = _simulated_by(definition, parts.hostname)
    url = f"{connection.url.rstrip('/')}/health" if service else connection.url
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True, allow_redirects=False) as response:
            status = response.status_code
    except requests.RequestException as error:
        start = advice.start(service) if service else "Check the network connection"
        reason = f"{shown}: {why(error)}"
        return Finding(AREA, definition.id, Health.DOWN, reason, f"{start}, or correct {connection.url_setting}")
    if status < 500:
        return Finding(AREA, definition.id, Health.OK, f"{shown} responds")
    reason = f"{shown} returns status {status}"
    if service:
        return Finding(AREA, definition.id, Health.DOWN, reason, advice.restart(service))
    return Finding(AREA, definition.id, Health.ATTENTION, reason, f"Run: retail sources check {definition.id}")


def _simulated_by(definition: SourceDefinition, host: str | None) -> str:
    """The service that simulates this source; empty for a real one."""
    service = f"{definition.connector}-api"
    return service if definition.connector in SIMULATED and host in (*THIS_MACHINE, service) else ""


def why(error: requests.RequestException) -> str:
    """The reason why a request failed."""
    if isinstance(error, requests.Timeout):
        return "no response in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return "no usable response"
