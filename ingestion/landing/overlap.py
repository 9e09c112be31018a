"""What a person decides about business dates that two files claim."""

from __future__ import annotations

from enum import StrEnum


class Overlap(StrEnum):
    """What becomes of a date that a file of another name brought before."""

    STOP = "stop"
    """Nothing is loaded; the dates and files are named."""
    REPLACE = "replace"
    """These files are the whole truth about it."""
    APPEND = "append"
    """What is landed stays; records of these files are added, or replace those of the same natural key."""
