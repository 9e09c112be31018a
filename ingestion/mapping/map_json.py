"""Maps pages of JSON rows in DuckDB: `source_rows` → `landed_records` and `rejected_rows`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import duckdb

from ingestion.mapping.classification import measured
from ingestion.mapping.field_values import FieldValues, read_values
from ingestion.mapping.first_errors import first_error
from ingestion.mapping.flags import flags_of_values
from ingestion.mapping.json_rows import JsonFault, JsonPage
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.plain_texts import PlainField, plain_fields
from ingestion.mapping.records import all_joins, parsed_rows, record_query
from ingestion.mapping.rejections import REJECTED_COLUMNS, VALUE_SHOWN
from ingestion.mapping.source_rows import RowFault, SourceRows
from ingestion.models.columnar import COLUMNS

if TYPE_CHECKING:
    import pyarrow

_ALWAYS_BARE = frozenset({"retailer_id", "line_type", "item_type"})
_ROW_FAULT = RowFault(
    "row_faults.code",
    "row_faults.reason",
    "row_faults.column_name",
    "row_faults.value",
    " LEFT JOIN row_faults ON row_faults.source_row = s.rowid",
)


@dataclass(frozen=True)
class _JsonRows:
    rows: int
    cells: Mapping[str, str]
    row_fault: RowFault | None
    plain: Mapping[str, PlainField]
    line_digest: str = "NULL::VARCHAR"


@dataclass(frozen=True)
class MappedRows:
    """How many rows were mapped."""

    landed: int
    rejected: int


class MappedPages:
    """Pages whose texts are read. It is of use until its connection reads other pages."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        mapping: SourceMapping,
        columns: Sequence[str],
        pages: Mapping[int, JsonPage],
        day: date | None,
    ) -> None:
        self._connection, self._mapping, self._day = connection, mapping, day
        self._source = _load(connection, mapping, columns, pages)
        self._values = read_values(connection, mapping, self._source.cells, self._source.plain)

    @property
    def rows(self) -> int:
        """How many rows there are, rejected ones included."""
        return self._source.rows

    @property
    def bare(self) -> frozenset[str]:
        """Columns of the records without a character that is escaped in JSON."""
        bare = {field for field, plain in self._source.plain.items() if plain.is_bare}
        return frozenset(bare - ({"product_category"} if self._mapping.non_products else set()) | _ALWAYS_BARE)

    @property
    def order(self) -> str:
        """What the records have to be sorted by to be in the order of the rows; '' if they are."""
        return " ORDER BY source_row" if any(found.join for found in self._values.values()) else ""

    def records(self) -> str:
        """SQL of the records, with `source_row`."""
        return record_query(self._connection, self._mapping, self._source, self._values, self._day)

    def reject(self) -> None:
        """Add the rows that are not in `records` to `rejected_rows`."""
        _reject(self._connection, self._mapping, self._source, self._values, self._day)

    def flag(self) -> None:
        """Add the lines to `flagged_rows` that are not landed as they were sent."""
        if any(found.flagged_rows for found in self._values.values()):
            rows = parsed_rows(self._connection, self._mapping, self._source, self._values)
            query = flags_of_values(self._mapping, rows, self._day)
            self._connection.execute(f"INSERT INTO flagged_rows {query}")

    def close(self) -> None:
        """Free the memory of the rows."""
        self._connection.unregister("json_rows")


def map_json(
    connection: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    columns: Sequence[str],
    pages: Mapping[int, JsonPage],
    day: date | None = None,
) -> MappedRows:
    """Fill `landed_records` from pages by their number, and add to `rejected_rows`. `day`: the only date wanted.

    A rejected row has its page as `source_file` and its row in it, from 1, as `source_line`. It has no payload yet, and
    of its value only what is shown. (`MappedPages` is for a listing, of which the records need not be kept.)
    """
    mapped = MappedPages(connection, mapping, columns, pages, day)
    query = f"SELECT {', '.join(COLUMNS)} FROM ({mapped.records()}){mapped.order}"
    [(landed,)] = connection.execute(f"CREATE OR REPLACE TABLE landed_records AS {query}").fetchall()
    connection.execute(f"CREATE TABLE IF NOT EXISTS rejected_rows({REJECTED_COLUMNS})")
    if landed < mapped.rows:
        mapped.reject()
    mapped.close()
    return MappedRows(landed, mapped.rows - landed)


def _load(
    connection: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    columns: Sequence[str],
    pages: Mapping[int, JsonPage],
) -> _JsonRows:
    import numpy
    import pyarrow

    names = [f"c{number}" for number in range(len(columns))]
    batches, faults, first = [], dict[int, JsonFault](), 0
    for number, page in pages.items():
        place = [
            numpy.arange(first, first + page.lines, dtype=numpy.int64),
            numpy.full(page.lines, number, numpy.int32),
            numpy.arange(1, page.lines + 1, dtype=numpy.int64),
        ]
        columns_of_page = [*map(pyarrow.array, place), *page.columns]
        batches.append(pyarrow.record_batch(columns_of_page, names=["rowid", "source_file", "source_line", *names]))
        faults |= {first + line: fault for line, fault in page.faults.items()}
        first += page.lines
    rows = pyarrow.Table.from_batches(batches)
    texts = ", ".join(_nulls_as_empty(name, rows.column(name)) for name in names)
    # A view: every text is read once or twice, which takes less time than to copy it to a table first.
    connection.register("json_rows", rows)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW source_rows AS SELECT rowid, source_file, source_line, {texts} FROM json_rows"
    )
    if faults:
        _list_faults(connection, faults)
    cells = {column: f"s.{name}" for column, name in zip(columns, names, strict=True)}
    texts_by_header = {column: rows.column(name) for column, name in zip(columns, names, strict=True)}
    plain = plain_fields(mapping, texts_by_header, cells)
    return _JsonRows(first, cells, _ROW_FAULT if faults else None, plain)


def _nulls_as_empty(name: str, column: pyarrow.ChunkedArray) -> str:
    """SQL of a column in which a null is '' and an empty text is a space."""
    import pyarrow.compute

    text = name
    if pyarrow.compute.min(pyarrow.compute.binary_length(column)).as_py() == 0:
        text = f"CASE {name} WHEN '' THEN ' ' ELSE {name} END"
    return f"coalesce({text}, '') AS {name}" if column.null_count else f"{text} AS {name}"


def _list_faults(connection: duckdb.DuckDBPyConnection, faults: Mapping[int, JsonFault]) -> None:
    import pyarrow

    found = list(faults.values())
    listed = pyarrow.table(
        {
            "source_row": pyarrow.array(list(faults), pyarrow.int64()),
            "code": pyarrow.array([fault.code.value for fault in found], pyarrow.string()),
            "reason": pyarrow.array([fault.reason for fault in found], pyarrow.string()),
            "column_name": pyarrow.array([fault.column for fault in found], pyarrow.string()),
            "value": pyarrow.array([fault.value for fault in found], pyarrow.string()),
        }
    )
    connection.register("json_faults", listed)
    connection.execute("CREATE OR REPLACE TABLE row_faults AS SELECT * FROM json_faults")
    connection.unregister("json_faults")


def _reject(
    connection: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    source: SourceRows,
    values: Mapping[str, FieldValues],
    day: date | None,
) -> None:
    error = first_error(mapping, source, values)
    wanted = f"DATE '{day}'" if day else "bad.business_date"
    connection.execute(
        f"""INSERT INTO rejected_rows
        WITH parsed_rows AS ({parsed_rows(connection, mapping, source, values)}),
        {measured(mapping, day=day)},
        bad AS (SELECT * FROM measured WHERE has_bad_field OR line_fault IS NOT NULL)
        SELECT
            bad.source_file, bad.source_line, {wanted}, {error.code}, {error.reason}, {error.column},
            left({error.value}, {VALUE_SHOWN + 1}), NULL, {error.net_amount}, bad.currency
        FROM bad JOIN source_rows AS s ON s.rowid = bad.source_row{all_joins(source, values)}
        ORDER BY bad.source_row"""
    )
