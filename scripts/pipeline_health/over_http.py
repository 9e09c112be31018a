"""The retailers' APIs."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.findings import Finding, Health, reported
from shared.config import RETAILER_IDS, SECTIONS
from shared.parallel import run_in_parallel

AREA = "retailer APIs"
TIMEOUT = (3.0, 5.0)


def check_retailers(environ: Mapping[str, str], advice: Advice) -> list[Finding]:
    """Request /health of each retailer, concurrently."""
    found = run_in_parallel(lambda retailer_id: _check(retailer_id, environ, advice), RETAILER_IDS, name="retailer")
    return [each for findings in found for each in findings]


def _check(retailer_id: str, environ: Mapping[str, str], advice: Advice) -> list[Finding]:
    name = SECTIONS[retailer_id]["api_url"]
    url = environ.get(name)
    if not url:
        return [Finding(AREA, retailer_id, Health.UNKNOWN, f"{name} is missing", advice.settings())]
    found: list[Finding] = []
    with reported(AREA, retailer_id, found):
        service = f"{retailer_id.replace('_', '')}-api"
        found.append(_retailer(retailer_id, name, url.rstrip("/"), service, advice))
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
