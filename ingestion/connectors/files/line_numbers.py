"""Finds the line of a file on which a row begins. Done only for rows that are reported to the user."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from ingestion.connectors.files.parse_rows import numbered_rows
from ingestion.connectors.files.tables import LoadedFile
from shared.errors import StopRun


def line_numbers_of(loaded: LoadedFile, rows: Sequence[int]) -> list[int]:
    """Line numbers of rows given by their position in the file (from 0, ascending).

    The header is on line 1 unless other lines come before it. Blank lines and line ends within quotes are counted. Only
    if DuckDB and the row parser disagree about a file's quotes, the result is the row's number, counting the header.
    """
    first = loaded.dialect.skip_lines + 2
    if loaded.stats.lines == loaded.rows + first - 1:
        return [row + first for row in rows]
    wanted, found = set(rows), {}
    try:
        for position, (line, _) in enumerate(numbered_rows(loaded.file, loaded.dialect, loaded.encoding)):
            if position in wanted:
                found[position] = line
                if len(found) == len(wanted):
                    break
    except StopRun:
        pass
    return [found.get(row, row + first) for row in rows]


def describe_position(connection: duckdb.DuckDBPyConnection, lines: Sequence[LoadedFile], cell: str, text: str) -> str:
    """`file, line N` of the first row whose cell holds this text."""
    found = connection.execute(
        f"SELECT s.source_file, s.source_line, s.rowid FROM source_rows AS s WHERE {cell} = ? ORDER BY s.rowid LIMIT 1",
        [text],
    ).fetchone()
    assert found is not None  # noqa: S101 - the text was read from there
    number, line, row = found
    loaded = next(each for each in lines if each.file.number == number)
    return f"{loaded.file.place}, line {line or line_numbers_of(loaded, [row - loaded.first_row])[0]}"
