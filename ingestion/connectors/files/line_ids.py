"""Line ids for rows that their source does not number: a digest of the row's content."""

from __future__ import annotations

from collections.abc import Sequence

from ingestion.connectors.files.tables import LoadedFile
from ingestion.mapping.sql_text import literal

_SEPARATOR = "\x1f"


def line_digest(loaded: Sequence[LoadedFile], cells: dict[str, str], key: Sequence[str]) -> str:
    """SQL of `h` and 16 hexadecimal digits of a digest of a row's content: the columns of `key`, else all of its file.

    Columns are taken in the order of their names, so that a file with reordered columns gives the same ids. An exact
    duplicate of a row gets the same id; rows that differ in anything get different ones. A record has only the columns
    that are not empty in it, so that its id does not depend on the other records of its file.
    """
    by_columns: dict[tuple[str, ...], list[str]] = {}
    of_records: list[LoadedFile] = []
    for found in loaded:
        if found.file.records is not None and not key:
            of_records.append(found)
            continue
        own = tuple(sorted(name for name in (key or found.dialect.header) if name))
        by_columns.setdefault(own, []).append(str(found.file.number))
    digests = {_digest([cells[name] for name in columns]): numbers for columns, numbers in by_columns.items()}
    if of_records:
        names = sorted({name for found in of_records for name in found.dialect.header})
        named = [f"CASE WHEN {cells[name]} <> '' THEN {literal(name + '=')} || {cells[name]} END" for name in names]
        digests[_digest(named)] = [str(found.file.number) for found in of_records]
    if len(digests) == 1:
        return next(iter(digests))
    cases = " ".join(f"WHEN s.source_file IN ({', '.join(files)}) THEN {sql}" for sql, files in digests.items())
    return f"CASE {cases} END"


def _digest(texts: list[str]) -> str:
    return f"'h' || left(md5(concat_ws({literal(_SEPARATOR)}, {', '.join(texts)})), 16)"
