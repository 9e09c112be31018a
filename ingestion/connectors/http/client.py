"""JSON over HTTP from unreliable systems, with retries, a rate limit, and bounds on time and size.

Retried: 429, 5xx, no connection, timeouts, and a body that is cut short, is not JSON, or has another content type.
Not retried: a rejected request (4xx) and a redirect.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson
import requests
import urllib3

from ingestion.connectors.http.failures import is_not_http, place_of
from ingestion.connectors.http.headers import natural_number, retry_after_seconds, unsendable_header
from ingestion.connectors.http.json_body import TooLargeToReadCarefully, memory_of, read_json
from ingestion.connectors.http.throttle import RateLimited, RequestPolicy, RequestThrottle
from shared.errors import FixConfiguration, RetryLater, StopRun
from shared.http_deadline import DeadlineSession
from shared.urls import server_of

_CHUNK_BYTES = 256 * 1024
_LONGEST_TYPE = 60
"""Characters of a content type that are looked at, and shown. A server can send megabytes."""
_CONNECT_SECONDS = 10.0
_NO_URL = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema)
_Body = Mapping[str, str] | bytes | None
_NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class Authorization(Protocol):
    """Adds credentials to a request."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called for every attempt, so that a signature or token is fresh."""

    def renew(self) -> bool:
        """Called on a 401. True: the credentials were replaced, so the request should be sent once more."""


@dataclass(frozen=True)
class HeaderKey:
    """A fixed key in a header of every request."""

    header: str
    key: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """See `Authorization`."""
        request.headers[self.header] = self.key
        return request

    def renew(self) -> bool:
        """False: there is no other key."""
        return False


@dataclass(frozen=True)
class Api:
    """One system to connect to, and the settings to correct when it rejects our credentials."""

    name: str
    base_url: str = field(repr=False)
    url_setting: str
    """`RETAILER2_API_URL`"""
    secret_settings: str
    """`RETAILER2_CLIENT_ID and RETAILER2_CLIENT_SECRET`"""

    @property
    def host(self) -> str:
        """Host and port, for messages: the rest of a URL may contain a password or a key."""
        return server_of(self.base_url)


@dataclass(frozen=True)
class Limits:
    """Bounds of one response."""

    timeout_seconds: float
    """Longest wait for the connection and for the next byte."""
    total_seconds: float
    """Longest time from the connection to the last byte, even if bytes keep arriving."""
    max_bytes: int
    """Largest body, unpacked."""

    @property
    def max_memory(self) -> int:
        """Bytes of memory that the values of a body may take. Those of usual rows take four times the body."""
        return 2 * self.max_bytes


@dataclass(frozen=True)
class JsonResponse:
    """A response with status 200 and a JSON body."""

    value: Any
    headers: Mapping[str, str]
    requested_at: datetime
    """When the request was sent, by our clock, UTC."""


class RequestRejected(StopRun):
    """The system understood the request and rejected it (4xx)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def _now() -> datetime:
    return datetime.now(UTC)


class HttpClient:
    """GET and form POST requests to one system over persistent connections. For one thread at a time."""

    def __init__(
        self,
        api: Api,
        policy: RequestPolicy,
        limits: Limits,
        *,
        authorization: Authorization | None = None,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = _now,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`headers` are sent with every request."""
        self._api, self._limits, self._authorization = api, limits, authorization
        self._clock = clock
        self._throttle = RequestThrottle(api.name, policy, sleep=sleep, jitter=jitter)
        self._session = DeadlineSession()
        self._session.headers.update({"Accept": "application/json", "User-Agent": "retail-analytics-platform"})
        self._session.headers.update(headers or {})

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, path: str, parameters: Mapping[str, str] | Sequence[tuple[str, str]] | None = None) -> JsonResponse:
        """GET `path` (from the base URL) with `parameters`; in pairs, a name can be there several times.

        Raises RetryLater when every attempt failed, FixConfiguration when our credentials or the URL are wrong, and
        RequestRejected for any other 4xx.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self._throttle.call(lambda: self._authorized("GET", path + query, None))

    def post_form(self, path: str, form: Mapping[str, str]) -> JsonResponse:
        """POST a form: this is how an access token is obtained. Mostly without authorization."""
        return self._throttle.call(lambda: self._once("POST", path, form, self._authorization))

    def post_json(self, path: str, value: Any, check: Callable[[JsonResponse], None]) -> JsonResponse:
        """POST JSON; say so in `headers`. `check` raises what is wrong with the response: a RetryLater is retried."""

        def send() -> JsonResponse:
            response = self._authorized("POST", path, orjson.dumps(value))
            check(response)
            return response

        return self._throttle.call(send)

    def _authorized(self, method: str, path: str, form: _Body) -> JsonResponse:
        try:
            return self._once(method, path, form, self._authorization)
        except _Unauthorized:
            if self._authorization is None or not self._authorization.renew():
                raise
            return self._once(method, path, form, self._authorization)

    def _once(self, method: str, path: str, form: _Body, authorization: Authorization | None) -> JsonResponse:
        requested_at = self._clock()
        url = self._api.base_url.rstrip("/") + path
        timeout = (min(_CONNECT_SECONDS, self._limits.timeout_seconds), self._limits.timeout_seconds)
        signed = None if authorization is None else lambda request: self._checked(authorization(request))
        with self._session.deadline(self._limits.total_seconds) as deadline:
            try:
                with self._session.request(
                    method, url, data=form, auth=signed, timeout=timeout, stream=True, allow_redirects=False
                ) as response:
                    self._check_status(response, path.partition("?")[0])
                    body = self._read(response)
                if deadline.is_over:  # the end that was read may be ours
                    raise RetryLater(self._too_slow())
            except _NO_URL as error:
                raise FixConfiguration(
                    f"{self._api.name}: its address is not a URL. Correct {place_of(self._api.url_setting)}."
                ) from error
            except _NETWORK_ERRORS as error:
                raise RetryLater(self._too_slow() if deadline.is_over else self._no_response(error)) from error
        return JsonResponse(self._parse(response, body), response.headers, requested_at)

    def _checked(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with its credentials. Raises FixConfiguration if a header cannot be sent, for example a key."""
        if (wrong := unsendable_header(request.headers)) is not None:
            raise FixConfiguration(
                f"{self._api.name}: the header {wrong!a} has a line end or another character that no header can have."
                f" Correct {place_of(self._api.secret_settings)}, or the connection in its definition."
            )
        return request

    def _too_slow(self) -> str:
        return (
            f"{self._api.name} at {self._api.host} took more than {self._limits.total_seconds:g} s for one response."
            " Run again later."
        )

    def _no_response(self, error: Exception) -> str:
        if is_not_http(error):
            what = "sent a response that is not HTTP"
        elif isinstance(error, requests.ConnectTimeout) or (
            isinstance(error, requests.ConnectionError) and not isinstance(error, requests.ReadTimeout)
        ):
            what = "cannot be reached"
        elif isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
            what = f"sent nothing for {self._limits.timeout_seconds:g} s"
        else:
            what = "closed the connection during its response"
        return (
            f"{self._api.name} at {self._api.host} {what}. Check that it is up, or correct"
            f" {place_of(self._api.url_setting)}; then run again."
        )

    def _check_status(self, response: requests.Response, path: str) -> None:
        status, name = response.status_code, self._api.name
        if status == 200:
            return
        if status == 429 or status >= 500:
            error = RateLimited if status == 429 else RetryLater
            raise error(
                f"{name} at {self._api.host} responded with {status} for {path}. Run again later.",
                retry_after=retry_after_seconds(response.headers.get("Retry-After"), self._clock()),
            )
        if status in (401, 403):
            kind = _Unauthorized if status == 401 else FixConfiguration
            raise kind(
                f"{name} rejected our credentials ({status}) at {self._api.host}."
                f" Set {place_of(self._api.secret_settings)} to what the retailer gave you, then run again."
            )
        if status in (404, 405) or status < 400:
            raise FixConfiguration(
                f"{name} at {self._api.host} has no {path} ({status}). Correct {place_of(self._api.url_setting)}."
            )
        raise RequestRejected(f"{name} at {self._api.host} rejected the request for {path} ({status}).", status)

    def _read(self, response: requests.Response) -> bytearray:
        body = bytearray()
        # read1 returns what has arrived; a plain read would wait until a chunk is full, however slowly bytes arrive.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > self._limits.max_bytes:
                raise StopRun(
                    f"{self._api.name} at {self._api.host} sent more than {self._limits.max_bytes} bytes in one"
                    " response. If that is expected, raise INGEST_MAX_RESPONSE_MB."
                )
        announced = natural_number(response.headers.get("Content-Length"))
        if announced is not None and "Content-Encoding" not in response.headers and len(body) < announced:
            raise RetryLater(
                f"{self._api.name} at {self._api.host} closed the connection during its response. Run again later."
            )
        return body

    def _parse(self, response: requests.Response, body: bytearray) -> Any:
        kind = response.headers.get("Content-Type", "").partition(";")[0][:_LONGEST_TYPE].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            sent = ascii(kind) if kind else "no content type"
            raise RetryLater(
                f"{self._api.name} at {self._api.host} sent {sent} instead of JSON."
                f" Run again later; if this persists, check {self._api.url_setting}."
            )
        most = self._limits.max_memory
        if (needed := memory_of(body, most)) > most:
            raise StopRun(
                f"{self._api.name} at {self._api.host} sent a response of {len(body):,} bytes whose values would take"
                f" {needed:,} bytes of memory, more than {most:,}. Smaller pages need less. If it is expected, raise"
                " INGEST_MAX_RESPONSE_MB."
            )
        try:
            return read_json(body, most)
        except TooLargeToReadCarefully as error:
            raise StopRun(
                f"{self._api.name} at {self._api.host} sent {len(body):,} bytes that are not JSON, or have a value that"
                f" cannot be read ({error}). A page of this size cannot be read value by value. Request smaller pages,"
                " or have the value corrected."
            ) from error
        except ValueError as error:
            raise RetryLater(f"{self._api.name} at {self._api.host} sent invalid JSON. Run again later.") from error


class _Unauthorized(FixConfiguration):
    """A 401: the request may succeed with renewed credentials."""
