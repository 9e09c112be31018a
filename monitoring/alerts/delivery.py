"""Sending a message through every channel at once, through apprise, within a time limit.

apprise is imported here only, inside functions: a run that sends nothing does not pay for it.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Thread, get_ident
from typing import Any

from monitoring.alerts.channels import SETTING, Channel, channels_setting, parse_channels
from monitoring.alerts.inert_text import inert
from monitoring.alerts.links import airflow_address
from monitoring.alerts.messages import AlertMessage
from monitoring.alerts.pauses import SLOW_SECONDS, Pauses
from shared.errors import FixConfiguration
from shared.logs import get_logger

log = get_logger(__name__)
TIME_LIMIT_SECONDS = 10.0
"""For all channels together: they are sent to at the same time."""
PAGERDUTY_LONGEST_SUMMARY = 1024
PAUSES = Pauses()
"""The channels that this process leaves out at present."""


@dataclass
class _Sending:
    """One channel's attempt, in a thread of its own."""

    message: AlertMessage
    channel: Channel
    problem: str | None = "it did not respond in time"
    said: list[str] = field(default_factory=list)
    seconds: float = math.inf
    """How long the attempt took; infinite until it has ended."""


def deliver(
    message: AlertMessage, channels: Sequence[Channel], limit: float = TIME_LIMIT_SECONDS
) -> dict[Channel, str]:
    """Send `message` to the channels that want its severity; returns those that failed, each with the reason.

    Never raises. A channel that does not respond in time is abandoned. It is then left out for a minute, in which it
    counts as failed.
    """
    return deliver_each([(message, channel) for channel in channels], limit)


def deliver_each(
    messages: Sequence[tuple[AlertMessage, Channel]],
    limit: float = TIME_LIMIT_SECONDS,
    *,
    pauses: Pauses | None = None,
) -> dict[Channel, str]:
    """The same for several messages at once. `pauses` default to those of this process."""
    pauses = PAUSES if pauses is None else pauses
    sendings = [_Sending(message, channel) for message, channel in messages if channel.wants(message.severity)]
    tried = [each for each in sendings if not _is_paused(each, pauses)]
    threads = [Thread(target=_send, args=(each, pauses.clock), daemon=True) for each in tried]
    deadline = time.monotonic() + limit
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    failed = [each for each in sendings if each.problem]
    for each in tried:
        if each.problem and each.seconds >= SLOW_SECONDS:
            pauses.add(each.channel)
    for each in failed:
        log.warning("alert not delivered", channel=each.channel.name, reason=each.problem, title=each.message.title)
    return {each.channel: str(each.problem) for each in failed}


def _is_paused(sending: _Sending, pauses: Pauses) -> bool:
    if (reason := pauses.reason(sending.channel)) is None:
        return False
    sending.problem = reason
    return True


def unusable(channel: Channel) -> str | None:
    """Why apprise cannot send to it, or None."""
    try:
        return None if _plugin(channel, AlertMessage("info", "", "")) else _not_understood(channel)
    except Exception:  # noqa: BLE001 - plugins of a library; what they say may hold the URL
        return _not_understood(channel)


def checked_channels(environ: Mapping[str, str] | None = None) -> list[Channel]:
    """The channels of ALERT_CHANNELS. Raises FixConfiguration that names all that is wrong."""
    channels, problems = parse_channels(channels_setting(environ))
    problems += [problem for channel in channels if (problem := unusable(channel))]
    if problems:
        raise FixConfiguration(
            f"{SETTING}: {'; '.join(problems)}. Correct it in the environment or in .env; docs/ALERTS.md has examples."
        )
    if not channels:
        raise FixConfiguration(
            f"No channel is set, so alerts are not sent. Set {SETTING} in the environment or in .env;"
            " docs/ALERTS.md has examples."
        )
    return channels


def _not_understood(channel: Channel) -> str:
    if channel.scheme == "msteams":
        return f"{channel.name}: Teams has retired these webhooks; create one in Workflows and write workflows://…"
    return f"{channel.name} is not a URL that apprise understands"


def _send(sending: _Sending, clock: Callable[[], float]) -> None:
    message, begun = sending.message, clock()
    listener = _Listener(sending)
    logger = _quiet_logger()
    logger.addHandler(listener)
    try:
        plugin = _plugin(sending.channel, message)
        if plugin is None:
            sending.problem = _not_understood(sending.channel)
        elif plugin.notify(notify_type=_notify_type(message), **_texts(sending.channel, message)):
            sending.problem = None
        else:
            said = sending.said[-1] if sending.said else "it did not accept the message"
            sending.problem = sending.channel.masked(said)
    except Exception as error:  # noqa: BLE001 - whatever happens to a channel, the run continues
        sending.problem = sending.channel.masked(f"{type(error).__name__}: {error}")
    finally:
        sending.seconds = clock() - begun
        logger.removeHandler(listener)


class _Listener(logging.Handler):
    """Keeps what apprise says in this thread: its reasons are in its log only."""

    def __init__(self, sending: _Sending) -> None:
        super().__init__(logging.WARNING)
        self.sending, self.thread = sending, get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of our own thread."""
        if record.thread == self.thread:
            self.sending.said.append(record.getMessage())


def _quiet_logger() -> logging.Logger:
    """apprise's logger, kept from the logs of the run: it writes URLs and tokens."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)  # whatever the run's own level is: its warnings are our reasons
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())  # or the last resort would print
    return logger


def _notify_type(message: AlertMessage) -> Any:
    from apprise import NotifyType

    if message.is_good:
        return NotifyType.SUCCESS
    return {"info": NotifyType.INFO, "warning": NotifyType.WARNING}.get(message.severity, NotifyType.FAILURE)


def _texts(channel: Channel, message: AlertMessage) -> dict[str, str]:
    """Title and body; as Markdown to Teams, where apprise would put a backslash before every dash and break the links.

    Only the links to Airflow are links there: everything else may come from a retailer or a file.
    """
    own = (airflow_address(), message.link)
    title = " ".join(message.title.split())  # the subject of a mail: a file's name may have a line end
    texts = {"title": inert(title, own), "body": inert(message.body, own)}
    if channel.scheme in ("workflow", "workflows"):
        return {**texts, "body": texts["body"].replace("\n", "\n\n"), "body_format": "markdown"}
    return {**texts, "body_format": "text"}


def _plugin(channel: Channel, message: AlertMessage) -> Any:
    """apprise's sender for the channel, fitted to the message; None when the URL is wrong."""
    from apprise import Apprise, AppriseAsset, OverflowMode

    _quiet_logger()
    plugin: Any = Apprise.instantiate(channel.url, asset=AppriseAsset(app_id="Retail pipeline"))
    if plugin is None:
        return None
    plugin.include_image = False  # they would be fetched from apprise's own pages
    if channel.keeps_incidents:
        # One incident per cause: opened by the alert, closed by its end.
        plugin.action, plugin.dedup, plugin.severity = "map", message.key or None, message.severity
        plugin.click, plugin.details = message.link, dict(message.facts)
        plugin.body_maxlen, plugin.overflow_mode = PAGERDUTY_LONGEST_SUMMARY, OverflowMode.TRUNCATE
    elif channel.scheme in ("json", "jsons"):
        plugin.payload_extras = {**message.facts, **plugin.payload_extras}
    return plugin
