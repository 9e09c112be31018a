"""Line ids for rows that their source does not number: a digest of the row's content."""

from __future__ import annotations

from collections.abc import Sequence

from ingestion.connectors.files.tables import LoadedFile
from ingestion.mapping.sql_text import literal

_SEPARATOR = "\x1f"


def line_digest(loaded: Sequence[LoadedFile], cells: dict[str, str], key: Sequence[str]) -> str:
    """SQL of `h` and 16 hexadecimal digits of a digest of a row's content: the columns of `key`, else all of its file.

    Columns are taken in the order of their names, so that a file with reordered columns gives the same ids. An exact
    duplicate of a row gets the same id; rows that differ in anything get different ones.
    """
    by_columns: dict[tuple[str, ...], list[str]] = {}
    for found in loaded:
        own = tuple(sorted(name for name in (key or found.dialect.header) if name))
        by_columns.setdefault(own, []).append(str(found.file.number))
    digests = {columns: _digest([cells[name] for name in columns]) for columns in by_columns}
    if len(digests) == 1:
        return next(iter(digests.values()))
    cases = " ".join(
        f"WHEN s.source_file IN ({', '.join(numbers)}) THEN {digests[columns]}"
        for columns, numbers in by_columns.items()
    )
    return f"CASE {cases} END"


def _digest(texts: list[str]) -> str:
    content = f", {literal(_SEPARATOR)}, ".join(texts)
    return f"'h' || left(md5(concat({content})), 16)"
