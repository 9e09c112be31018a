"""The findings of a health check, and the exit code for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum

from shared.errors import FixConfiguration, RetailError, describe_error


class Health(StrEnum):
    """ok; attention (works, but needs a look); down; unknown (could not be checked, because a setting is missing)."""

    OK = "ok"
    ATTENTION = "attention"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    area: str
    item: str
    health: Health
    reason: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-able form."""
        return {name: str(value) for name, value in asdict(self).items()}


MISSING = "Configuration: "
"""How shared.config begins a message about settings."""

Probe = Callable[[], Sequence[Finding]]


def exit_status(findings: Sequence[Finding]) -> int:
    """1 when something is down, else 2 when something could not be checked, else 0."""
    states = {finding.health for finding in findings}
    if Health.DOWN in states:
        return 1
    return 2 if Health.UNKNOWN in states or not findings else 0


@contextmanager
def reported(
    area: str, item: str, found: list[Finding], remedy_for: Callable[[RetailError], str] | None = None
) -> Iterator[None]:
    """Turn any error inside the block into a finding; a health check itself never fails.

    Errors suggest the local platform's `make up`; `remedy_for` replaces that for the platform that is checked.
    """
    try:
        yield
    except RetailError as error:
        reason, remedy = split_remedy(str(error))
        if remedy_for and "make up" in remedy:
            remedy = remedy_for(error)
        # A missing bucket is down, just like a service that does not respond; only a missing setting is unknown.
        is_unknown = isinstance(error, FixConfiguration) and reason.startswith(MISSING)
        health = Health.UNKNOWN if is_unknown else Health.DOWN
        found.append(Finding(area, item, health, reason.removeprefix(MISSING), remedy))
    except Exception as error:  # noqa: BLE001 - reported, whatever it is
        found.append(Finding(area, item, Health.DOWN, describe_error(error)[:200], "See the service's log"))


def split_remedy(message: str) -> tuple[str, str]:
    """Our messages say what happened, then what to do: two columns of the report."""
    happened, separator, remedy = message.partition(". ")
    return (happened, remedy) if separator else (message, "")


def format_span(seconds: float) -> str:
    """A time span in its largest suitable unit."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
