"""Limits the requests to another system: a token bucket, retries with exponential back-off, and a circuit breaker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pybreaker
import tenacity
from pyrate_limiter import Limiter, Rate, StateBucket, TokenBucket

from shared.errors import RetryLater
from shared.logs import get_logger

T = TypeVar("T")
_log = get_logger(__name__)
_LIMITER_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class RequestPolicy:
    """Rate limit, retries and circuit breaker for one system. Times in seconds."""

    requests_per_second: float
    max_attempts: int
    """Attempts per request, the first included."""
    backoff_seconds: float
    """First wait; doubles with each attempt."""
    backoff_cap_seconds: float = 30
    retry_after_cap_seconds: float = 120
    """Longest wait for a Retry-After; a longer one is cut to this."""
    breaker_failures: int = 10
    """Consecutive failures, over all requests, after which no more requests are sent."""
    breaker_rest_seconds: float = 30


class RateLimited(RetryLater):
    """The system works but wants fewer requests. Does not count as a failure for the circuit breaker."""


class CircuitOpen(RetryLater):
    """The system failed so often that no requests are sent for a while. `RequestThrottle` does not retry this."""


class RequestThrottle:
    """Runs requests to one system under its policy. One instance per system, used by one thread at a time."""

    def __init__(
        self, name: str, policy: RequestPolicy, *, sleep: Callable[[float], None], jitter: Callable[[], float]
    ) -> None:
        """`jitter` returns numbers in [0, 1)."""
        self._name, self._policy, self._sleep, self._jitter = name, policy, sleep, jitter
        self._last_error = ""
        per_interval = max(1, int(policy.requests_per_second))
        rate = Rate(per_interval, max(1, round(1000 * per_interval / policy.requests_per_second)))
        self._limiter = Limiter(StateBucket([rate], algorithm=TokenBucket()))
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=policy.breaker_failures,
            reset_timeout=policy.breaker_rest_seconds,
            exclude=[lambda error: not isinstance(error, RetryLater) or isinstance(error, RateLimited)],
            throw_new_error_on_trip=False,
            name=name,
        )

    def call(self, request: Callable[[], T]) -> T:
        """Run the request until it succeeds or the attempts are used up.

        A RetryLater is retried; any other error, and the last RetryLater, is raised.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._policy.max_attempts),
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, RetryLater) and not isinstance(error, CircuitOpen)
            ),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._report,
            reraise=True,
        )
        result: T = retrying(self._once, request)
        return result

    def _once(self, request: Callable[[], T]) -> T:
        while not self._limiter.try_acquire(self._name, blocking=False):
            self._sleep(_LIMITER_POLL_SECONDS)
        try:
            result: T = self._breaker.call(request)
            return result
        except pybreaker.CircuitBreakerError as error:
            raise CircuitOpen(
                f"{self._name} failed {self._policy.breaker_failures} times in a row; no request is sent for"
                f" {self._policy.breaker_rest_seconds:g} s. The last failure: {self._last_error}"
            ) from error
        except RetryLater as error:
            self._last_error = str(error)
            raise

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        requested = error.retry_after if isinstance(error, RetryLater) and error.retry_after else 0.0
        doubled: float = self._policy.backoff_seconds * 2 ** min(state.attempt_number - 1, 32)
        own = min(self._policy.backoff_cap_seconds, doubled) * (0.5 + self._jitter() / 2)
        return max(own, min(requested, self._policy.retry_after_cap_seconds))

    def _report(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        _log.warning(
            "request failed, retrying",
            system=self._name,
            attempt=state.attempt_number,
            wait_seconds=round(wait, 2),
            error=str(error),
        )
