"""Loads one dropped file, if its content is new."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.drop_ledger import Decision, DropLedger
from pipeline.drop_selection import DUPLICATE, LOADED, REJECTED, WAITING
from pipeline.file_load import run_file_load
from pipeline.file_load_checks import LoadUnfinished
from pipeline.file_load_request import FileLoadRequest, Progress
from shared.commands import new_run_id
from shared.config import Settings
from shared.errors import FixConfiguration, RetailError, RetryLater, describe_error
from shared.logs import get_logger
from shared.scratch import scratch_directory

if TYPE_CHECKING:
    from ingestion.connectors.drops.place import ListedFile, Place
    from ingestion.landing.overlap_policy import Overlap

log = get_logger(__name__)
_SPARE_BYTES = 256 * 1024 * 1024
"""What a file must leave free on the disk for temporary files."""


class DroppedFileLoad:
    """Fetches and loads files of one source, one at a time, so that the disk holds one of them."""

    def __init__(
        self,
        source_id: str,
        overlap: Overlap,
        place: Place,
        ledger: DropLedger,
        settings: Settings,
        report_directory: Path | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._source_id, self._overlap, self._place, self._ledger = source_id, overlap, place, ledger
        self._settings, self._report_directory, self._clock = settings, report_directory, clock
        self._problems: list[str] = []

    def take_problems(self) -> list[str]:
        """What has gone wrong since the last call that no file is the reason of."""
        found, self._problems = self._problems, []
        return found

    def load(self, file: ListedFile, *, is_forced: bool, progress: Progress) -> Decision:
        """What became of the file. Raises RetryLater when something else than the file is the reason."""
        from ingestion.connectors.drops.place import FileChanged

        try:
            with scratch_directory() as directory:
                _check_room(file, directory)
                progress("fetch", file.name, 0.0)
                path = self._place.fetch(file, directory)
                sha256 = _digest(path)
                progress("fetch", file.name, 1.0)
                before = None if is_forced else self._decided_before(file, sha256)
                return before or self._load_new(file, path, sha256, progress)
        except FileChanged as error:
            return Decision(WAITING, str(error))
        except FixConfiguration as error:  # of this machine or of the location: the others may still be loaded
            self._problems.append(f"{file.name} is not loaded: {error}")
            return Decision(WAITING, str(error))

    def _decided_before(self, file: ListedFile, sha256: str) -> Decision | None:
        """What the same content came to earlier; None when it has to be loaded."""
        same = self._ledger.same_content(sha256)
        if same is None:
            return None
        if same.status == REJECTED:
            is_same_definition = same.definition_digest == self._ledger.definition_digest
            return Decision(REJECTED, same.reason, sha256) if is_same_definition else None
        if same.file_name == file.name:
            return Decision(LOADED, None, sha256, same.load_id)
        reason = f"{same.file_name} has the same content, and was loaded on {same.decided_at:%Y-%m-%d %H:%M} UTC."
        return Decision(DUPLICATE, reason, sha256, same.load_id)

    def _load_new(self, file: ListedFile, path: Path, sha256: str, progress: Progress) -> Decision:
        run_id = new_run_id("etl")
        request = FileLoadRequest(
            sources=[str(path)],
            overlap=self._overlap,
            retailer_id=self._source_id,
            report_directory=self._report_directory,
            refresh=False,
            fetched_from=file.place,
            raises_alert=False,
        )
        try:
            result = run_file_load(
                request, run_id=run_id, settings=self._settings, clock=self._clock, progress=progress
            )
        except RetryLater:
            raise
        except LoadUnfinished as error:
            self._problems.append(f"{file.name}: {error}")
            return Decision(LOADED, None, sha256, error.load_id, run_id)
        except RetailError as error:
            reason = str(error)
        except Exception as error:  # one file must not keep the others from being loaded, whatever is in it
            log.exception("a dropped file was not loaded", source_id=self._source_id, file=file.place)
            reason = f"{describe_error(error)}. See the log; please report it."
        else:
            return Decision(LOADED, None, result.read.files[0].sha256, result.load_id, run_id)
        if not self._place.is_current(file):
            return Decision(WAITING, "it has changed while it was read")
        return Decision(REJECTED, reason.replace(str(path), file.place), sha256, None, run_id)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_room(file: ListedFile, directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if file.size_bytes + _SPARE_BYTES > free:
        raise FixConfiguration(
            f"it has {file.size_bytes / 1e6:,.0f} MB, and {directory.parent} has {free / 1e6:,.0f} MB free. Make room"
            " there, or set TMPDIR to a folder of a larger disk."
        )
