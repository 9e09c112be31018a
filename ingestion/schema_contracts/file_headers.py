"""Compares the headers of files with the schema of their source. The fields of a file are its columns, all of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ingestion.schema_contracts.differences import find_changes
from ingestion.schema_contracts.guard import SchemaGuard
from ingestion.schema_contracts.model import Observation


@dataclass(frozen=True)
class FileHeader:
    """The columns of a file."""

    table: str
    """The kind of file, for a source with several; else ''."""
    columns: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns as fields of the source."""
        return tuple(f"{self.table}.{name}" if self.table else name for name in self.columns if name)


class FileHeaders:
    """The headers of the files of one load. A header has every field of its file, so each difference is certain."""

    def __init__(self, guard: SchemaGuard, today: date) -> None:
        """`today` is the date of a difference until the business dates of the files are known."""
        self.guard, self._day = guard, today
        self._headers: Mapping[int, FileHeader] = {}
        self._rows: Mapping[int, int] = {}

    def check(self, headers: Mapping[int, FileHeader]) -> None:
        """Compare the headers, by the number of their file. Raises SchemaFrozen if the contract is `freeze`."""
        self._headers = dict(headers)
        self._compare()

    def differing(self) -> Mapping[int, str]:
        """With the contract `reject`: the number of each file whose rows are rejected, and why."""
        known = self.guard.known
        if self.guard.contract != "reject" or known is None:
            return {}
        found = {}
        for number, header in self._headers.items():
            own = f"{header.table}." if header.table else ""
            new = [name for name in header.fields if name not in known.fields]
            missing = sorted(each for each in known.required() - set(header.fields) if each.startswith(own))
            reasons = [f"the column {name} is new" for name in new[:1]]
            reasons += [f"the column {name} is missing" for name in missing[:1]]
            if reasons:
                found[number] = " and ".join(reasons)
        return found

    def read(self, rows: Mapping[int, int], days: Sequence[date]) -> None:
        """The number of rows of each file and their business dates: what a difference touches, and since when."""
        self._rows, self._day = dict(rows), min(days, default=self._day)
        self.guard.difference = self.guard.latest = None
        self._compare()

    def landed(self) -> None:
        """Take over the headers of files that are loaded."""
        self.guard.landed(self._seen(), 0)

    def _compare(self) -> None:
        seen, known = self._seen(), self.guard.known
        self.guard.keep(self._day, find_changes(known, seen, 0) if known is not None else (), seen)

    def _seen(self) -> Observation:
        found = Observation(is_flat=True)
        for number, header in self._headers.items():
            rows = self._rows.get(number, 1)
            found.objects[""] += rows
            if header.table:
                found.objects[header.table] = found.objects.get(header.table, 0) + rows
            for name in header.fields:
                found.types[name] = {"text": found.present(name) + rows}
        return found
