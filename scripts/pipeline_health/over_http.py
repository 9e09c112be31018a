"""The retailers' APIs."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.findings import Finding, Health, reported
from shared.parallel import run_in_parallel

AREA = "retailer APIs"
TIMEOUT = (3.0, 5.0)


def check_retailers(environ: Mapping[str, str], advice: Advice) -> list[Finding]:
    """Request /health of each retailer, concurrently."""
    found = run_in_parallel(lambda number: _check(number, environ, advice), (1, 2, 3), name="retailer")
    return [each for findings in found for each in findings]


def _check(number: int, environ: Mapping[str, str], advice: Advice) -> list[Finding]:
    item, name = f"retailer_{number}", f"RETAILER{number}_API_URL"
    url = environ.get(name)
    if not url:
        return [Finding(AREA, item, Health.UNKNOWN, f"{name} is missing", advice.settings())]
    found: list[Finding] = []
    with reported(AREA, item, found):
        found.append(_retailer(item, name, url.rstrip("/"), f"retailer{number}-api", advice))
    return found


def _retailer(item: str, name: str, url: str, service: str, advice: Advice) -> Finding:
    try:
        response = requests.get(f"{url}/health", timeout=TIMEOUT)
    except requests.RequestException as error:
        remedy = f"{advice.start(service)}, or correct {name}"
        return Finding(AREA, item, Health.DOWN, f"{url}: {why(error)}", remedy)
    if response.ok:
        return Finding(AREA, item, Health.OK, f"{url} responds")
    reason = f"{url} returns status {response.status_code}"
    return Finding(AREA, item, Health.DOWN, reason, advice.restart(service))


def why(error: requests.RequestException) -> str:
    """The reason why a request failed."""
    if isinstance(error, requests.Timeout):
        return "no response in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return "no usable response"
