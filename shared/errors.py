"""Every error the platform raises, grouped by what the caller does next.

`RetryLater`        the same call may succeed later: wait and try again.
`RejectRecord`      this record is unusable: store it as a dead letter, continue with the others.
`StopRun`           continuing would publish wrong data: stop the run of this retailer or date.
`FixConfiguration`  nothing will succeed until a user changes a setting.

A message says what happened, where, and what to do. It holds no secret and no response body.
"""

from __future__ import annotations

from shared.urls import without_credentials

MOST_CHARACTERS = 4_000
"""The longest description of an error. What a library quotes from a server may be megabytes."""


class RetailError(Exception):
    """Root of the hierarchy. A command that ends with this error exits with `exit_code`."""

    exit_code = 1


class RetryLater(RetailError):
    """A temporary failure: network, rate limit, server error, a listing that changed while it was read."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds that the server requested us to wait, if it said so."""


class RejectRecord(RetailError):
    """One record breaks the contract. `code` is stable: operators filter and count by it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.reason = message


class StopRun(RetailError):
    """Control totals do not agree; publishing would show wrong numbers."""


class FixConfiguration(RetailError):
    """A setting is missing or wrong. Retrying cannot help."""

    exit_code = 2


def describe_error(error: BaseException) -> str:
    """The message of one of the platform's errors; of any other its type and text, on one line. It is cut if long.

    A library may put the URL that it was given into its text; credentials in it are masked.
    """
    if isinstance(error, RetailError):
        return shortened(str(error), MOST_CHARACTERS)
    text = f"{type(error).__name__}: {without_credentials(' '.join(str(error).split()))}"
    return shortened(text, MOST_CHARACTERS)


def shortened(text: str, most: int) -> str:
    """The text, with an ellipsis in place of what is beyond so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
