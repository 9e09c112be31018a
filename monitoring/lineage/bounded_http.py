"""HTTP to the receiver of lineage events, bounded: nothing but its status is read, and that only for some seconds.

The client reads the complete body of a response, however long it is. A receiver, or a proxy in front of it, that never
ends its response would have it read as long as the stage lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests
from openlineage.client.transport import Transport
from openlineage.client.transport.http import HttpTransport
from urllib3 import Retry

from shared.http_deadline import DeadlineSession


class StatusSession(DeadlineSession):
    """A session that reads no body, follows no redirect, and ends a request after `seconds`, its retries included."""

    def __init__(self, seconds: float, retries: Retry | int = 0) -> None:
        super().__init__(retries)
        self.seconds = seconds

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        """Send one request. The caller closes the response."""
        with self.deadline(self.seconds) as deadline:
            try:
                response = super().request(*arguments, **{**options, "stream": True})
            except requests.RequestException as error:
                if deadline.is_over:
                    raise self._too_slow() from error
                raise
        if deadline.is_over:  # the end of the headers may be ours
            response.close()
            raise self._too_slow()
        if response.is_redirect:
            response.close()
            raise requests.TooManyRedirects(
                f"the receiver redirects ({response.status_code}), which is not followed: set its final address"
            )
        return response

    def _too_slow(self) -> requests.Timeout:
        return requests.Timeout(f"no response within {self.seconds:g} s")


def bound(transport: Transport | None) -> None:
    """Give every HTTP transport a `StatusSession`: the transport itself, or those that it sends through.

    All attempts together take no longer than each of them may take: its time-out.
    """
    for each in _http_transports(transport):
        retry = Retry(**each.config.retry)
        attempts = 1 + int(retry.total or 0)
        session = StatusSession(each.timeout * attempts, retry)
        each.config.adapter = session.adapter  # else it would mount one of its own, which has no deadline
        each.session = session


def _http_transports(transport: Any) -> Iterator[HttpTransport]:
    if isinstance(transport, HttpTransport):
        yield transport
        return
    for inner in (getattr(transport, "transport", None), *(getattr(transport, "transports", None) or ())):
        if isinstance(inner, Transport):
            yield from _http_transports(inner)
