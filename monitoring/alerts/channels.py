"""Where messages go: ALERT_CHANNELS, a list of URLs, each with the lowest severity that is sent to it.

No message contains a URL or a part of one: slack://, pagerduty:// and others hold secrets, even in place of the
host. Messages name a channel by its number and kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitoring.alerts.model import SEVERITIES, rank
from shared.config import read_environment
from shared.errors import FixConfiguration
from shared.logs import get_logger

log = get_logger(__name__)
SETTING = "ALERT_CHANNELS"
LEAST = {"pagerduty": "error"}
"""Channels that would wake somebody for a success or a retry; all others receive everything by default."""

_BETWEEN = re.compile(r"\s+|,\s*(?=(?:\w+=)?[a-z][\w+.-]*://)")
_CHANNEL = re.compile(r"(?:(?P<least>\w+)=)?(?P<url>(?P<scheme>[a-z][\w+.-]*)://\S+)")
_SECRET_PIECE = re.compile(r"[^\s/@:?&=,;#%+]{3,}")


@dataclass(frozen=True)
class Channel:
    """One place where messages are sent."""

    number: int
    scheme: str
    url: str = field(repr=False)
    least: str = "info"
    """The lowest severity that is sent to it."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"channel {self.number} ({self.scheme})"

    @property
    def keeps_incidents(self) -> bool:
        """Whether each alert is an incident there, which is closed separately."""
        return self.scheme == "pagerduty"

    def wants(self, severity: str) -> bool:
        """Whether it is sent messages of this severity."""
        return rank(severity) >= rank(self.least)

    def masked(self, text: str) -> str:
        """`text` with every piece of the URL replaced."""
        pieces = set(_SECRET_PIECE.findall(self.url.partition("://")[2]))
        for piece in sorted(pieces, key=len, reverse=True):
            text = text.replace(piece, "***")
        return text.replace(self.url, "***")


def parse_channels(text: str) -> tuple[list[Channel], list[str]]:
    """The channels that `text` names, and what is wrong with the others, without a word of their URLs."""
    channels, problems = [], []
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for number, piece in enumerate(filter(None, (each.strip(",") for each in _pieces("\n".join(lines)))), start=1):
        match = _CHANNEL.fullmatch(piece)
        if not match:
            problems.append(f"number {number} is not a URL (such as slack://… or error=mailto://…)")
        elif match["least"] and match["least"] not in SEVERITIES:
            problems.append(
                f"number {number} does not begin with one of {', '.join(f'{each}=' for each in SEVERITIES)}"
            )
        else:
            scheme = match["scheme"]
            channels.append(Channel(number, scheme, match["url"], match["least"] or LEAST.get(scheme, "info")))
    return channels, problems


def _pieces(text: str) -> list[str]:
    return [piece for piece in _BETWEEN.split(text) if piece and piece.strip(",")]


def read_channels(environ: Mapping[str, str] | None = None) -> list[Channel]:
    """The channels of ALERT_CHANNELS or ALERT_CHANNELS_FILE; one that is wrong is logged and left out.

    For use in a run, which must not stop because of an alert setting.
    """
    try:
        channels, problems = parse_channels(channels_setting(environ))
    except FixConfiguration as error:
        channels, problems = [], [str(error)]
    for problem in problems:
        log.warning("alert channel left out", setting=SETTING, reason=problem)
    return channels


def channels_setting(environ: Mapping[str, str] | None) -> str:
    """The text of ALERT_CHANNELS, empty when it is not set."""
    values = read_environment() if environ is None else read_environment(environ, dotenv=None)
    return values.get(SETTING, "")
