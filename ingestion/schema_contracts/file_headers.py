"""Compares the headers of files with the schema of their source. The fields of a file are its columns, all of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ingestion.schema_contracts.differences import EXPECTED, find_changes
from ingestion.schema_contracts.guard import SchemaGuard
from ingestion.schema_contracts.model import Observation


@dataclass(frozen=True)
class FileHeader:
    """The columns of a file."""

    table: str
    """The kind of file, for a source with several; else ''."""
    columns: tuple[str, ...]
    filled: Mapping[str, int] | None = None
    """Of a file of records: how many rows have each column. None: every row has all of them."""

    @property
    def fields(self) -> Mapping[str, int | None]:
        """The columns as fields of the source, and how many rows have them; None for all."""
        prefix = f"{self.table}." if self.table else ""
        counts = {name: None if self.filled is None else self.filled.get(name, 0) for name in self.columns if name}
        return {f"{prefix}{name}": count for name, count in counts.items() if count != 0}


class FileHeaders:
    """The headers of the files of one load.

    The header of a table has every field of its file, so each difference is certain. A record may lack a field.
    """

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
            missing = missing if header.filled is None or self._rows_of(number) >= EXPECTED else []
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
        expected = 0 if all(header.filled is None for header in self._headers.values()) else EXPECTED
        self.guard.keep(self._day, find_changes(known, seen, expected) if known is not None else (), seen)

    def _rows_of(self, number: int) -> int:
        return max([self._rows.get(number, 1), *(self._headers[number].filled or {}).values()])

    def _seen(self) -> Observation:
        found = Observation(is_flat=True)
        for number, header in self._headers.items():
            rows = self._rows_of(number)
            found.objects[""] += rows
            if header.table:
                found.objects[header.table] = found.objects.get(header.table, 0) + rows
            for name, filled in header.fields.items():
                found.types[name] = {"text": found.present(name) + (rows if filled is None else filled)}
        return found
