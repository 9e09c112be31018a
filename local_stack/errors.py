"""The one error of the local platform."""

from __future__ import annotations

from shared.errors import FixConfiguration


class StackError(FixConfiguration):
    """A part of the local platform cannot start or stop, and the message says what to do about it."""

    exit_code = 1
