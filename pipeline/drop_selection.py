"""Decides which of the listed files are loaded now. Pure: the listing, the ledger and the time are arguments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingestion.connectors.drops.place import ListedFile

WAITING, LOADED, DUPLICATE, REJECTED = "waiting", "loaded", "duplicate", "rejected"
"""What becomes of a file, as in `ops.dropped_files`."""
STATUSES = (LOADED, DUPLICATE, REJECTED, WAITING)
FileVersion = tuple[str, str]
"""Place and version of a listed file."""


@dataclass(frozen=True)
class KnownFile:
    """What the ledger says about a version of a file."""

    status: str
    first_listed_at: datetime
    definition_digest: str | None = None
    sha256: str | None = None
    moved_to: str | None = None


@dataclass(frozen=True)
class Retry:
    """The files that a user wants loaded although they were decided before."""

    names: Collection[str] = ()
    all_rejected: bool = False


@dataclass
class Selection:
    """What has to be done with the files of a listing."""

    load: list[ListedFile] = field(default_factory=list)
    """In the order in which they were written: a later file may correct an earlier one."""
    waiting: list[ListedFile] = field(default_factory=list)
    """Those that may still be written."""
    unusable: list[ListedFile] = field(default_factory=list)
    """Those that cannot be files of sales, whatever they contain, and are not recorded yet."""
    done: list[ListedFile] = field(default_factory=list)
    """Those that are loaded, and are still where they were dropped."""
    rejected: list[ListedFile] = field(default_factory=list)
    """Those that were rejected before, and have not changed since."""


def select_files(
    listed: Iterable[ListedFile],
    known: Mapping[FileVersion, KnownFile],
    *,
    now: datetime,
    settle: timedelta,
    definition_digest: str,
    retry: Retry,
) -> Selection:
    """Sort the listed files by what has to be done with them."""
    found = Selection()
    for file in sorted(listed, key=lambda each: (each.modified_at, each.name)):
        before = known.get((file.place, file.version))
        is_wanted_again = file.name in retry.names
        if file.problem:
            (found.rejected if before else found.unusable).append(file)
        elif before and before.status in (LOADED, DUPLICATE) and not is_wanted_again:
            found.done.append(file)
        elif before and before.status == REJECTED:
            is_tried_again = is_wanted_again or retry.all_rejected or before.definition_digest != definition_digest
            (found.load if is_tried_again else found.rejected).append(file)
        elif is_complete(file, before, now, settle):
            found.load.append(file)
        else:
            found.waiting.append(file)
    return found


def is_complete(file: ListedFile, before: KnownFile | None, now: datetime, settle: timedelta) -> bool:
    """Whether nobody is writing the file any more: it has not changed for `settle`.

    That is seen by its time of modification, or, where the clock that it comes from is ahead of our clock, by an
    earlier listing that showed the same version.
    """
    if file.is_atomic or file.modified_at <= now - settle:
        return True
    return before is not None and before.first_listed_at <= now - settle
