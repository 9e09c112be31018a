"""The line of a file on which a row begins, found only for rows that someone will be told about."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from ingestion.connectors.files.loading import LoadedSource
from ingestion.connectors.files.parse_rows import numbered_rows
from ingestion.connectors.files.tables import LoadedFile
from shared.errors import StopRun


def lines_of(loaded: LoadedFile, rows: Sequence[int]) -> list[int]:
    """Lines (the header is on line 1, where nothing stands before it) of rows given by their place in the file, from 0,
    ascending.

    True also behind blank lines and line ends within quotes. Only in a file whose quotes the two readers understand
    differently it is the number of the row, counted with the header.
    """
    if loaded.stats.lines == loaded.rows + 1:
        return [row + 2 for row in rows]
    wanted, found = set(rows), {}
    try:
        for place, (line, _) in enumerate(numbered_rows(loaded.file, loaded.dialect, loaded.encoding)):
            if place in wanted:
                found[place] = line
                if len(found) == len(wanted):
                    break
    except StopRun:
        pass
    return [found.get(row, row + 2) for row in rows]


def place(connection: duckdb.DuckDBPyConnection, source: LoadedSource, cell: str, text: str) -> str:
    """`file, line N` of the first row whose cell holds this text."""
    found = connection.execute(
        f"SELECT s.source_file, s.source_line, s.rowid FROM source_rows AS s WHERE {cell} = ? ORDER BY s.rowid LIMIT 1",
        [text],
    ).fetchone()
    assert found is not None  # noqa: S101 - the text was read from there
    number, line, row = found
    loaded = next(each for each in source.lines if each.file.number == number)
    return f"{loaded.file.path}, line {line or lines_of(loaded, [row - loaded.first_row])[0]}"
