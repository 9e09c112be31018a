"""Loads the files that are dropped for a source: lists them, and loads each one whose content is new.

A file is recorded after its load is committed, and moved after that. A process that is killed in between leaves a file
whose content the warehouse knows, so the next run records and moves it without loading it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.landing.overlap_policy import Overlap
from monitoring.alerts.outcomes import CommandTask, command_origin, refresh_task, report_task, task_alerts
from monitoring.unfinished_runs import RunRecord, UnfinishedRun
from pipeline.drop_ledger import Decision, DropLedger
from pipeline.drop_result import DropResult, FileOutcome
from pipeline.drop_selection import REJECTED, WAITING, Retry, Selection, select_files
from pipeline.dropped_file import DroppedFileLoad
from pipeline.file_load_checks import COMMAND as ETL
from pipeline.finish_runs import finish_killed_runs
from pipeline.stages import REFRESH, StageCall, utc_now
from shared.config import Settings
from shared.counts import counted
from shared.database import Connection, lock_key, session, transaction
from shared.errors import FixConfiguration, RetailError, RetryLater
from shared.logs import get_logger
from shared.sources.connection import FILES
from shared.sources.definition import SourceDefinition
from shared.sources.file_drops import SETTLE_SECONDS, resolve_location

if TYPE_CHECKING:
    from ingestion.connectors.drops.place import ListedFile, Place

log = get_logger(__name__)
COMMAND = "retail sources load"
Progress = Callable[[str, int, int, str, float], None]
"""Called with a file's name, its number, the number of files, the stage of its load, and the share that is done."""
_MOST_NAMED = 5


class DropBusy(RetryLater):
    """Another run is loading the files of the source."""


@dataclass(frozen=True)
class DropRequest:
    """Which files to load, and how."""

    source_id: str
    run_id: str
    retry: Retry = field(default_factory=Retry)
    report_directory: Path | None = None
    """Where the quality reports of the files go; None for no reports."""
    refresh: bool = True
    """Refresh the views when something was published; False where the caller does."""


def load_drops(
    request: DropRequest,
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    progress: Progress = lambda name, number, total, stage, share: None,
) -> DropResult:
    """Load what is new, record what became of each file, and move what is done.

    A file that cannot be loaded is recorded with its reason, and does not stop the others. Raises FixConfiguration when
    the source or its location cannot be used, DropBusy when another run is at work, and RetryLater when the location or
    the warehouse does not respond. When that happens between two files, the result says that the run was `stopped`.
    """
    from ingestion.connectors.drops.connect import open_place
    from ingestion.mapping.layouts import mapping_of

    definition = source_of_files(request.source_id, settings)
    mapping_of(definition)  # an error in it is not one of the files
    finish_killed_runs(settings, clock=clock)
    dsn = settings.warehouse_dsn.get_secret_value()
    with (
        session(dsn, application_name="retail-files") as connection,
        _alone(connection, request.source_id),
        open_place(request.source_id, settings.sources, lambda: settings.s3) as place,
    ):
        return DropRun(request, definition, settings, connection, place, clock, progress).run()


def source_of_files(source_id: str, settings: Settings) -> SourceDefinition:
    """The definition of a source whose files can be loaded. Raises FixConfiguration when it has none."""
    settings.sources.check_known([source_id])
    settings.sources.check_enabled([source_id])
    definition = settings.sources.get(source_id)
    if definition.connector != FILES:
        raise FixConfiguration(
            f"{source_id} is not a source of files. Load a date of it: retail run DATE --retailer {source_id}"
        )
    if definition.connection is None:
        raise FixConfiguration(
            f"{source_id} has no `connection.location` in its definition. Add one (docs/connectors/files.md), or load"
            f" its files with: retail etl --source FILE --retailer {source_id}"
        )
    return definition


class DropRun:
    """One run over the files of a source."""

    def __init__(
        self,
        request: DropRequest,
        definition: SourceDefinition,
        settings: Settings,
        connection: Connection,
        place: Place,
        clock: Callable[[], datetime],
        progress: Progress,
    ) -> None:
        self._request, self._definition, self._settings, self._place = request, definition, settings, place
        self._clock, self._progress = clock, progress
        self._dsn = settings.warehouse_dsn.get_secret_value()
        self._ledger = DropLedger(connection, definition.id, definition.digest)
        location = resolve_location(definition.id, settings.sources.connect(definition.id).url)
        self._result = DropResult(definition.id, location.place(location.pattern))
        self._loading = DroppedFileLoad(
            definition.id,
            Overlap(definition.read.on_overlap or Overlap.STOP),
            place,
            self._ledger,
            settings,
            request.report_directory,
            clock,
        )

    def run(self) -> DropResult:
        """List, load, record and move."""
        result, read = self._result, self._definition.read
        listed, now = self._place.list(), self._clock()
        known = self._ledger.known(listed)
        self._ledger.record_listing(listed, result.location, now)
        self._check_named(listed)
        selection = select_files(
            listed,
            known,
            now=now,
            settle=timedelta(seconds=SETTLE_SECONDS if read.settle is None else read.settle),
            definition_digest=self._definition.digest,
            retry=self._request.retry,
        )
        result.listed = len(listed)
        result.waiting = dict.fromkeys((each.name for each in selection.waiting), "it may still be written")
        result.rejected_before = [each.name for each in selection.rejected]
        for file in selection.unusable:
            self._record(file, Decision(REJECTED, file.problem, run_id=self._request.run_id))
        for file in selection.done:
            self._move(file, known[file.place, file.version].sha256)
        self._load_all(selection)
        self._alert()
        return result

    def _check_named(self, listed: list[ListedFile]) -> None:
        """Raises FixConfiguration when a file that the user named is not there."""
        if missing := sorted(set(self._request.retry.names) - {each.name for each in listed}):
            raise FixConfiguration(f"{self._result.location} has no file {', '.join(missing)}.")

    def _load_all(self, selection: Selection) -> None:
        if not selection.load:
            return
        with RunRecord(self._dsn, clock=self._clock) as record:
            if self._request.refresh:
                today, sources = self._clock().date(), (self._definition.id,)
                record.begin(UnfinishedRun(self._request.run_id, "files", today, sources, refreshes_views=True))
            try:
                for number, file in enumerate(selection.load, start=1):
                    self._load(file, number, len(selection.load))
            except RetryLater as error:
                self._result.stopped = True
                self._result.problems.append(str(error))
            record.is_finished = self._refresh()

    def _load(self, file: ListedFile, number: int, total: int) -> None:
        decision = self._loading.load(
            file,
            is_forced=file.name in self._request.retry.names,
            progress=lambda stage, step, share: self._progress(file.name, number, total, stage, share),
        )
        self._result.problems += self._loading.take_problems()
        if decision.status == WAITING:
            self._ledger.decide(file, decision, self._clock())
            self._result.waiting[file.name] = decision.reason or ""
            return
        self._record(file, decision)
        if decision.status != REJECTED:
            self._move(file, decision.sha256)

    def _record(self, file: ListedFile, decision: Decision) -> None:
        self._ledger.decide(file, decision, self._clock())
        self._result.files.append(FileOutcome(file.name, decision.status, decision.reason, decision.load_id))
        log.info("dropped file", source_id=self._definition.id, file=file.place, **vars(decision))

    def _move(self, file: ListedFile, sha256: str | None) -> None:
        """Move a file that is done with, if the source wants that. The digest in its new name makes it repeatable."""
        if self._definition.read.done != "move" or sha256 is None:
            return
        from ingestion.connectors.drops.place import FileChanged

        try:
            moved_to = self._place.move(file, f"{sha256[:12]}-{file.name}")
        except FileChanged:
            return  # the next listing shows what is there now
        except FixConfiguration as error:
            self._result.problems.append(str(error))
            return
        self._ledger.moved(file, moved_to)
        self._result.moved += 1

    def _refresh(self) -> bool:
        """Refresh the views; whether nothing of that is left to do."""
        if not self._request.refresh or not self._result.published:
            return True
        run_id = self._request.run_id
        try:
            with task_alerts(self._dsn, refresh_task(ETL, run_id), clock=self._clock):
                REFRESH.run(StageCall(self._clock().date(), self._settings, run_id, clock=self._clock))
        except RetailError as error:
            self._result.problems.append(f"The files are loaded, but the views are not refreshed: {error}")
            return False
        return True

    def _alert(self) -> None:
        """Raise an alert when files were rejected in this run; resolve it when no rejected file is left."""
        rejected = self._result.with_status(REJECTED)
        source_id = self._definition.id
        task = CommandTask(
            command_origin(COMMAND, self._request.run_id, "load_dropped_files"),
            f"{counted(len(rejected), 'file')} of {source_id} rejected",
            "What to do: deliver the corrected file under any name, or correct the mapping in the definition; the next"
            " run then tries it again. A rejected file that is not needed can be removed. See: retail sources files"
            f" {source_id}",
            source_id,
        )
        if rejected:
            named = [f"{each.name}: {each.reason}" for each in rejected[:_MOST_NAMED]]
            more = [f"and {len(rejected) - _MOST_NAMED} more"] if len(rejected) > _MOST_NAMED else []
            report_task(self._dsn, task, "\n".join([*named, *more]), clock=self._clock)
        elif not self._result.rejected_before:
            report_task(self._dsn, task, None, clock=self._clock)


@contextmanager
def _alone(connection: Connection, source_id: str) -> Iterator[None]:
    """Hold the lock of the source's files; the server gives it back when this session ends, however it ends."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (lock_key("files", source_id),))
        row = cursor.fetchone()
    if not row or not row[0]:
        raise DropBusy(f"Another run is loading the files of {source_id}. Wait until it has ended.")
    yield
