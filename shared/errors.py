"""Every error the platform raises, grouped by what the caller does next.

`RetryLater`        the same call may succeed later: wait and try again.
`RejectRecord`      this one record is unusable: dead-letter it, go on with the others.
`StopRun`           going on would publish something wrong: stop this retailer's or day's run.
`FixConfiguration`  nothing will succeed until a person changes a setting.

A message says what happened, where, and what to do. It holds no secret and no response body.
"""

from __future__ import annotations


class RetailError(Exception):
    """Root of the tree. `exit_code` is what a command ends with when the error reaches its top."""

    exit_code = 1


class RetryLater(RetailError):
    """A passing failure: network, rate limit, server error, a listing that changed while it was read."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the other side asked us to wait, when it said so."""


class RejectRecord(RetailError):
    """One record breaks the contract. `code` is stable: operators filter and count by it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.reason = message


class StopRun(RetailError):
    """Something does not add up; publishing would show readers wrong numbers."""


class FixConfiguration(RetailError):
    """A setting is missing or wrong. Retrying cannot help."""

    exit_code = 2
