"""Counts in messages."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """The number with its noun: `1 date`, `1,200 dates`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
