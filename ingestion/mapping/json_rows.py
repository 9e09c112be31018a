"""Reads the mapped values of JSON rows into text columns. A value that is missing or of another type rejects its row.

Each column of a page is read in one go. Only a column with something wrong is looked at value by value. In the columns
a null is '' and an empty text is a space: neither is a name, but only null says that there is no customer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal

from ingestion.mapping.json_objects import ABSENT, Unread, objects_of, read_columns
from ingestion.mapping.layout_parts import NUMBER_FIELDS, TIME_FIELDS
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.line_paths import LineReader
from ingestion.mapping.sql_text import WHITE_SPACE
from ingestion.models.line_ids import content_line_id
from ingestion.models.reject_reasons import RejectReason
from shared.dead_letters import as_json

if TYPE_CHECKING:
    import pyarrow

Values = Mapping[str, Sequence[Any]]
UNREADABLE = "unreadable"
"""The key in which a connector says why it cannot read an order: an object with `code` and `reason`."""
_SHOWN_CHARACTERS = 60
_LONGEST = 1_000
_CODES = frozenset(RejectReason)
_USUAL_BYTES = 400
"""A column with more bytes per value has values of more than `_LONGEST` characters, or at least might."""


_TYPES = {bool: "true or false", int: "a number", float: "a number", dict: "an object", list: "an array"}


_EXPECTED = {"text": "a text", "integer": "an integer", "number": "a number", "boolean": "true or false"}


def is_shown_as_json(reason: str) -> bool:
    """Whether the value that was rejected for this reason is not a text, and so is shown without quotes."""
    return reason.partition(", not ")[0] in _TYPES.values()


@dataclass(frozen=True)
class JsonFault:
    """Why a row is rejected before its values are looked at."""

    code: RejectReason
    reason: str
    column: str | None
    """None: the complete order."""
    value: str


@dataclass(frozen=True)
class JsonPage:
    """The lines of a page."""

    columns: Sequence[pyarrow.Array]
    """In the order of `JsonReader.columns`."""
    lines: int
    faults: Mapping[int, JsonFault]
    """Line, from 0 → why it is rejected."""


@dataclass(frozen=True)
class _Column:
    """A column and the first field that it is mapped to: none for the decimals of a currency, which must be there."""

    name: str
    field: str
    type: Literal["text", "integer", "number", "boolean"]
    decimal: str = "."
    """The decimal mark of the texts of numbers."""

    @property
    def is_integer(self) -> bool:
        """Whether the source sends an integer."""
        return self.type == "integer"

    @property
    def wanted(self) -> set[Any]:
        """The types that its values can have."""
        kind = {"integer": int, "boolean": bool}.get(self.type, str)
        return {kind, NoneType} if self.field else {int}

    def named(self, values: Sequence[Any]) -> Sequence[Any]:
        """The values as texts."""
        return [None if value is None else str(value).lower() for value in values] if self.type == "boolean" else values

    def fault(self, value: object) -> JsonFault:
        """What is wrong with a value that is not of this column's type."""
        if isinstance(value, Unread):
            return JsonFault(value.code, value.reason, self.name, value.sent)
        shown = value if isinstance(value, str) else as_json(value).decode()
        if len(shown) > _SHOWN_CHARACTERS:
            shown = f"{shown[:_SHOWN_CHARACTERS]}… ({len(shown):,} characters)"
        if value is None:
            return JsonFault(ABSENT.code, ABSENT.reason, self.name, "")
        code = RejectReason.MALFORMED if isinstance(value, list | dict) and not self.is_integer else self._code
        found = "a text" if isinstance(value, str) else _TYPES.get(type(value), "another type")
        return JsonFault(code, f"{found}, not {_EXPECTED[self.type]}", self.name, shown)

    def as_texts(self, values: Sequence[Any]) -> Sequence[Any]:
        """The values with numbers as texts, where both are accepted."""
        if self.type != "number" or set(map(type, values)) <= {str, NoneType}:
            return values
        return [self._as_text(value) if type(value) in (int, float) else value for value in values]

    def _as_text(self, value: float) -> object:
        """A JSON number as text. One with more than 15 digits may not be what was sent, and is an `Unread`."""
        if isinstance(value, int):
            return str(value)
        exact = Decimal(repr(value))
        if len(exact.as_tuple().digits) > sys.float_info.dig:
            return Unread(RejectReason.TOO_MANY_DIGITS, "a number with more than 15 digits", f"{exact:f}")
        return f"{exact:f}".replace(".", self.decimal)

    @property
    def _code(self) -> RejectReason:
        if self.field in NUMBER_FIELDS or not self.field:
            return RejectReason.NOT_A_NUMBER
        if self.field in TIME_FIELDS:
            return RejectReason.INVALID_DATE
        return RejectReason.UNKNOWN_TYPE if self.field == "line_type" else RejectReason.MALFORMED


class JsonReader:
    """Reads the rows of a source by its mapping. The result depends on the rows alone."""

    def __init__(self, mapping: SourceMapping) -> None:
        columns: dict[str, _Column] = {}
        exponents: dict[str, _Column] = {}
        for field, source in mapping.columns.items():
            for name in source.headers:
                columns.setdefault(name, _Column(name, field, source.sent_type, mapping.format.decimal))
            if isinstance(source.minor_units, str):
                exponents[source.minor_units] = _Column(source.minor_units, "", "integer")
        self._columns = {**exponents, **columns}
        line_id, customer_id = mapping.columns.get("line_id"), mapping.columns.get("customer_id")
        self._line_id = line_id.column if line_id else None
        self._content = line_id.content if line_id else ()
        self._customer_id = customer_id.column if customer_id else None
        self._customer = self._customer_id.rpartition(".")[0] if self._customer_id else ""
        read = tuple(dict.fromkeys((*self._columns, *self._content)))
        integers = frozenset(name for name, column in self._columns.items() if column.is_integer)
        self._lines = LineReader(mapping, read, integers) if mapping.lines else None
        self._of_lines = frozenset(self._lines.columns if self._lines else ())
        self._objects = objects_of([name for name in read if name not in self._of_lines], "", mapping.may_be_null)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._columns)

    @property
    def keys(self) -> Mapping[str, Sequence[str]]:
        """The path of each object that is read → the keys that are read from it. That of a row is ''."""
        found = {each.path: list(each.keys) for each in (*self._objects, *(self._lines.objects if self._lines else ()))}
        found.setdefault("", []).extend(self._lines.arrays if self._lines else ())
        return found

    def read(self, rows: Sequence[Any]) -> JsonPage:
        """The columns of a page of rows, or of orders with their lines."""
        import pyarrow

        values, faults = read_columns(self._objects, "", rows), dict[int, JsonFault]()
        if not self._lines:
            arrays = self._arrays(values, values, range(len(rows)), faults)
            return JsonPage([arrays[name] for name in self._columns], len(rows), faults)
        faults.update(_unreadable_orders(rows))
        of_orders = self._arrays(values, values, range(len(rows)), faults)
        lines = self._lines.find(rows)
        order_of = [line.order for line in lines]
        faults = {line: faults[order] for line, order in enumerate(order_of) if order in faults} if faults else {}
        of_lines = self._lines.read(lines)
        positions = pyarrow.array(order_of, pyarrow.int64())
        arrays = {name: array.take(positions) for name, array in of_orders.items()}
        arrays |= self._arrays(of_lines, {**values, **of_lines}, order_of, faults)
        return JsonPage([arrays[name] for name in self._columns], len(lines), faults)

    def with_faults(self, page: JsonPage, rows: Sequence[Any], faults: Mapping[int, JsonFault]) -> JsonPage:
        """The page with faults of rows, by their position. Each is that of all lines of its row."""
        order_of = [line.order for line in self._lines.find(rows)] if self._lines else range(len(rows))
        added = {line: faults[order] for line, order in enumerate(order_of) if order in faults}
        return JsonPage(page.columns, page.lines, {**page.faults, **added})

    def payloads(self, rows: Sequence[Any]) -> list[Any]:
        """What is kept of each line if it is rejected: its row, or its order with only this line."""
        if not self._lines:
            return list(rows)
        return [self._lines.payload(rows[line.order], line) for line in self._lines.find(rows)]

    def _arrays(
        self, values: Values, content: Values, row_of: Sequence[int], faults: dict[int, JsonFault]
    ) -> dict[str, pyarrow.Array]:
        """The columns that are in `values` as texts. Adds to `faults`, whose rows keep the fault that they have.

        `content` also has the columns of the orders, and `row_of` the position in them of each line.
        """

        found = {}
        for name, column in self._columns.items():
            if name not in values:
                continue
            texts = column.as_texts(values[name])
            if name == self._customer_id and self._customer:
                texts = _required_within(texts, values[self._customer])
            if not set(map(type, texts)) <= column.wanted:
                texts = self._without_faults(column, texts, values, faults)
            if name == self._line_id and self._content and None in texts:
                texts = self._numbered(texts, content, row_of, faults)
            found[name] = _integers(texts) if column.is_integer else _texts(column.named(texts))
        return found

    def _without_faults(
        self,
        column: _Column,
        texts: Sequence[Any],
        values: Values,
        faults: dict[int, JsonFault],
    ) -> list[Any]:
        kept = list(texts)
        # The attributes of a customer are not looked at where there is none.
        is_attribute = column.field.startswith("customer_") and column.field != "customer_id"
        customers = values.get(self._customer_id or "", ()) if is_attribute else ()
        for row, value in enumerate(texts):
            if type(value) in column.wanted:
                continue
            kept[row] = None
            is_simple = not isinstance(value, list | dict | Unread)
            if not (customers and customers[row] is None and is_simple):
                faults.setdefault(row, column.fault(value))
        return kept

    def _numbered(
        self, texts: Sequence[Any], content: Values, row_of: Sequence[int], faults: Mapping[int, JsonFault]
    ) -> list[Any]:
        """Line ids, with one made from the content where the source has none."""
        return [
            content_line_id(
                *(content[name][line if name in self._of_lines else row_of[line]] for name in self._content)
            )
            if text is None and line not in faults
            else text
            for line, text in enumerate(texts)
        ]


def _unreadable_orders(rows: Sequence[Any]) -> Iterator[tuple[int, JsonFault]]:
    """Position and fault of the orders that the connector could not read."""
    for position, row in enumerate(rows):
        given = row.get(UNREADABLE) if isinstance(row, dict) else None
        if isinstance(given, dict) and given.get("code") in _CODES:
            yield position, JsonFault(RejectReason(given["code"]), str(given.get("reason")), None, "")


def _required_within(texts: Sequence[Any], objects: Sequence[Any]) -> Sequence[Any]:
    """A space for an identifier that is null in an object that is there: it is missing."""
    if None not in texts:
        return texts
    return [" " if text is None and each is not None else text for text, each in zip(texts, objects, strict=True)]


def _texts(values: Sequence[Any]) -> pyarrow.Array:
    import pyarrow

    found = pyarrow.array(values, pyarrow.string())
    if found.nbytes > len(values) * _USUAL_BYTES + _LONGEST:
        return pyarrow.array([_shortened(value) for value in values], pyarrow.string())
    return found


def _shortened(text: str | None) -> str | None:
    """A text that is far too long for any field, cut so that it does not fill the memory. It is rejected either way."""
    if text is None or len(text) <= _LONGEST:
        return text
    stripped = text.strip(WHITE_SPACE)
    return f" {stripped[:_LONGEST]}"


def _integers(values: Sequence[Any]) -> pyarrow.Array:
    import pyarrow

    try:
        return pyarrow.array(values, pyarrow.int64()).cast(pyarrow.string())
    except (
        OverflowError,
        pyarrow.ArrowInvalid,
        pyarrow.ArrowTypeError,
    ):  # above 64 bits, or a line id from its content
        return pyarrow.array([None if value is None else str(value) for value in values], pyarrow.string())
