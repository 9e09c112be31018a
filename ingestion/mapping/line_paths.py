"""The arrays of an order's JSON that hold its lines: `line_items`, `shipping_lines`.

The columns of a mapping are named for the first array. A line of another one has the same keys, or those that the
mapping names for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ingestion.mapping.json_objects import JsonObject, Unread, objects_of, read_columns
from ingestion.mapping.layout_lines import ITEM_TYPE_OF_PATH, LinePath
from ingestion.mapping.layouts import SourceMapping
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import ItemType


class Line(NamedTuple):
    """A line of a page: the position of its order and of its array, and what it is."""

    order: int
    path: int
    value: Any


@dataclass(frozen=True)
class _Path:
    """One array. `names` has for each column where its lines have it, `constants` what is the same in all of them."""

    path: str
    objects: Sequence[JsonObject]
    names: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)

    def read(self, lines: Sequence[Any]) -> dict[str, Sequence[Any]]:
        """Column → its values in these lines."""
        found = read_columns(self.objects, self.path, lines)
        named = {name: found[own] for name, own in self.names.items()}
        return named | {name: [value] * len(lines) for name, value in self.constants.items()}


class LineReader:
    """Finds and reads the lines of orders."""

    def __init__(self, mapping: SourceMapping, read: Iterable[str], integers: frozenset[str]) -> None:
        """`read` are all columns that are read; `integers` those of them that are integers."""
        self.columns = [name for name in read if mapping.is_of_lines(name)]
        self._paths = [self._path(mapping, path, integers) for path in mapping.lines]
        self._no_line = Unread(
            RejectReason.MALFORMED,
            f"the order has no array {' or '.join(repr(path.path) for path in mapping.lines)} with a line",
        )

    def _path(self, mapping: SourceMapping, path: LinePath, integers: frozenset[str]) -> _Path:
        first = mapping.lines[0].path
        constants: dict[str, Any] = {}
        names: dict[str, str] = {}
        replaced = {mapping.columns[name].column: source for name, source in path.columns.items()}
        for name in self.columns:
            source = replaced.get(name)
            if name == ITEM_TYPE_OF_PATH:
                constants[name] = str(path.item_type or ItemType.PRODUCT)
            elif name not in replaced:
                names[name] = path.path + name.removeprefix(first)
            elif source is None:
                constants[name] = None
            elif source.column is not None:
                names[name] = source.column
            else:
                constants[name] = int(source.value or 0) if name in integers else source.value
        objects = objects_of(names.values(), path.path, mapping.may_be_null)
        return _Path(path.path, objects, names, constants)

    @property
    def arrays(self) -> list[str]:
        """The arrays, as keys of an order."""
        return [path.path for path in self._paths]

    @property
    def objects(self) -> list[JsonObject]:
        """The objects within lines that are read, the lines themselves included."""
        return [each for path in self._paths for each in path.objects]

    def find(self, rows: Sequence[Any]) -> list[Line]:
        """The lines of all orders. An order without any has one that is rejected, as has an array that is none."""
        found: list[Line] = []
        for order, row in enumerate(rows):
            before = len(found)
            for number, path in enumerate(self._paths):
                lines = row.get(path.path) if isinstance(row, dict) else None
                if isinstance(lines, list):
                    found += [Line(order, number, line) for line in lines]
                elif lines is not None:
                    found.append(Line(order, number, self._no_line))
            if len(found) == before:
                found.append(Line(order, 0, self._no_line))
        return found

    def read(self, lines: Sequence[Line]) -> dict[str, Sequence[Any]]:
        """Column → its values in the lines, in their order."""
        if len(self._paths) == 1:
            return self._paths[0].read([line.value for line in lines])
        values: dict[str, list[Any]] = {name: [None] * len(lines) for name in self.columns}
        for number, path in enumerate(self._paths):
            places = [place for place, line in enumerate(lines) if line.path == number]
            for name, column in path.read([lines[place].value for place in places]).items():
                for place, value in zip(places, column, strict=True):
                    values[name][place] = value
        return dict(values)

    def payload(self, row: Any, line: Line) -> Any:
        """What is kept of a line if it is rejected: its order with only this line."""
        if line.value is self._no_line:
            return row
        others: dict[str, list[Any]] = {path.path: [] for path in self._paths if path.path in row}
        return {**row, **others, self._paths[line.path].path: [line.value]}
