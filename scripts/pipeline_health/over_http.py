"""The retailers' APIs, and what every check by HTTP shares."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import requests

from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.findings import Finding, Health, reported
from scripts.pipeline_health.side_by_side import side_by_side

AREA = "retailer APIs"
TIMEOUT = (3.0, 5.0)


def check_retailers(environ: Mapping[str, str], advice: Advice) -> list[Finding]:
    """GET /health of each retailer, side by side."""
    answers = side_by_side([partial(_check, number, environ, advice) for number in (1, 2, 3)])
    return [each for found in answers for each in found or ()]


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
        answer = requests.get(f"{url}/health", timeout=TIMEOUT)
    except requests.RequestException as error:
        remedy = f"{advice.start(service)}, or correct {name}"
        return Finding(AREA, item, Health.DOWN, f"{url}: {why(error)}", remedy)
    if answer.ok:
        return Finding(AREA, item, Health.OK, f"{url} answers")
    reason = f"{url} answers {answer.status_code}"
    return Finding(AREA, item, Health.DOWN, reason, advice.restart(service))


def why(error: requests.RequestException) -> str:
    """What a failed request says to a person."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return "no usable answer"
