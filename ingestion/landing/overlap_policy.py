"""The user's choice for business dates that were already landed from another file."""

from __future__ import annotations

from enum import StrEnum


class Overlap(StrEnum):
    """What happens to a date that was landed before from a file with another name."""

    STOP = "stop"
    """Load nothing, and name the dates and files."""
    REPLACE = "replace"
    """Replace what is landed: these files have all records of the date."""
    APPEND = "append"
    """Keep what is landed and add the records of these files; they replace records with the same natural key."""
