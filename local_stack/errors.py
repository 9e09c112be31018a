"""The one error of the local platform: something the person at the keyboard can mend."""

from __future__ import annotations


class StackError(Exception):
    """A part of the local platform cannot start, and the message says what to do about it."""
