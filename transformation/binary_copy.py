"""Arrow columns as PostgreSQL's binary COPY format: no text on the way, and no Python object per row.

Rows differ in length only by their texts. So each run of columns of fixed width is written as one block per row, and
each text column as one block per length that occurs in it; numpy copies blocks to computed places.
Format: https://www.postgresql.org/docs/14/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy
import numpy.typing
import pyarrow

_HEADER = b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8
_TRAILER = b"\xff\xff"
_EPOCH_2000_MICROSECONDS = 946_684_800_000_000
_NULL = -1
_NEGATIVE = 0x4000
_DIGIT_WIDTH = 4
_Bytes = numpy.typing.NDArray[numpy.uint8]
_Integers = numpy.typing.NDArray[numpy.int64]
_Blocks = numpy.typing.NDArray[numpy.void]


class BinaryCopy:
    """What psycopg2 reads from: the batches of a query, encoded one at a time as they are asked for."""

    def __init__(self, batches: Iterable[pyarrow.RecordBatch]) -> None:
        """Types: integers, timestamps with zone, decimals of four places at most, texts. Only texts may be null."""
        self._pieces = self._encode(batches)
        self.size_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """The next piece, whatever its size; empty at the end."""
        piece = next(self._pieces, b"")
        self.size_bytes += len(piece)
        return piece

    @staticmethod
    def _encode(batches: Iterable[pyarrow.RecordBatch]) -> Iterator[bytes]:
        yield _HEADER
        for batch in batches:
            if batch.num_rows:
                yield encode_rows(batch)
        yield _TRAILER


def encode_rows(batch: pyarrow.RecordBatch) -> bytes:
    """The tuples of a batch, without header and trailer."""
    blocks: list[_Fixed | _Texts] = []
    fixed = _Fixed(batch.num_rows)
    fixed.add(">i2", batch.num_columns)
    for column in batch.columns:
        if pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type):
            text = _Texts(column)
            fixed.add(">i4", text.length_fields)
            blocks += [fixed, text]
            fixed = _Fixed(batch.num_rows)
        else:
            _add_column(fixed, column)
    blocks.append(fixed)
    return _lay_out([block for block in blocks if not isinstance(block, _Fixed) or block.fields], batch.num_rows)


class _Fixed:
    """Neighbouring fields of the same width in every row."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.fields: list[tuple[str, _Integers | int]] = []

    def add(self, kind: str, values: _Integers | int) -> None:
        """A field of a numpy type, with a value for each row or one for all."""
        self.fields.append((kind, values))

    def block(self) -> _Blocks:
        """One item per row."""
        layout = [(f"f{number}", kind) for number, (kind, _) in enumerate(self.fields)]
        block = numpy.empty(self._rows, layout)
        for (name, _), (_, values) in zip(layout, self.fields, strict=True):
            block[name] = values
        return block.view(f"V{block.itemsize}")


class _Texts:
    """A text column: its bytes, and where each row's begin and how many there are."""

    def __init__(self, column: Any) -> None:
        wide = pyarrow.types.is_large_string(column.type)
        _, offsets, data = column.buffers()
        stored = numpy.frombuffer(offsets, numpy.int64 if wide else numpy.int32)
        positions: _Integers = stored[column.offset : column.offset + len(column) + 1].astype(numpy.int64)
        self.starts: _Integers = positions[:-1]
        self.lengths: numpy.typing.NDArray[Any] = numpy.diff(positions)
        self.data: _Bytes = numpy.frombuffer(data, numpy.uint8) if data else numpy.empty(0, numpy.uint8)
        self.length_fields: numpy.typing.NDArray[Any] = self.lengths
        if column.null_count:
            bits = numpy.frombuffer(column.buffers()[0], numpy.uint8)
            is_null = numpy.unpackbits(bits, bitorder="little")[column.offset :][: len(column)] == 0
            self.lengths = numpy.where(is_null, numpy.int64(0), self.lengths)
            self.length_fields = numpy.where(is_null, numpy.int64(_NULL), self.lengths)


def _lay_out(blocks: list[_Fixed | _Texts], rows: int) -> bytes:
    items = [block if isinstance(block, _Texts) else block.block() for block in blocks]
    sizes = [item.lengths if isinstance(item, _Texts) else item.itemsize for item in items]
    ends = numpy.cumsum(sum((size for size in sizes), numpy.zeros(rows, numpy.int64)))
    out = numpy.empty(int(ends[-1]), numpy.uint8)
    places = numpy.concatenate([numpy.zeros(1, numpy.int64), ends[:-1]])
    for item, size in zip(items, sizes, strict=True):
        if isinstance(item, _Texts):
            _place_texts(out, places, item)
        else:
            _windows(out, item.itemsize)[places] = item
        places = places + size
    return out.tobytes()


def _place_texts(out: _Bytes, places: _Integers, texts: _Texts) -> None:
    for length in numpy.flatnonzero(numpy.bincount(texts.lengths)):
        if length:
            which = numpy.flatnonzero(texts.lengths == length)
            _windows(out, int(length))[places[which]] = _windows(texts.data, int(length))[texts.starts[which]]


def _windows(data: _Bytes, width: int) -> _Blocks:
    """A view of every `width` consecutive bytes, so that blocks are copied whole."""
    return numpy.ndarray((len(data) - width + 1,), f"V{width}", data.data, strides=(1,))


def _add_column(fixed: _Fixed, column: Any) -> None:
    if column.null_count:
        raise ValueError("only texts may be null")
    kind = column.type
    if pyarrow.types.is_integer(kind):
        width = kind.bit_width // 8
        fixed.add(">i4", width)
        fixed.add(f">i{width}", _integers(column, width))
    elif pyarrow.types.is_timestamp(kind) and kind.unit == "us" and kind.tz:
        fixed.add(">i4", 8)
        fixed.add(">i8", _integers(column, 8) - _EPOCH_2000_MICROSECONDS)
    elif pyarrow.types.is_decimal(kind) and kind.scale <= _DIGIT_WIDTH:
        _add_numeric(fixed, _unscaled(column), kind.scale)
    else:
        raise ValueError(f"no binary form for {kind}")


def _integers(column: Any, width: int) -> _Integers:
    return numpy.frombuffer(column.buffers()[1], f"i{width}")[column.offset : column.offset + len(column)]


def _unscaled(column: Any) -> _Integers:
    words = numpy.frombuffer(column.buffers()[1], numpy.int64).reshape(-1, 2)
    words = words[column.offset : column.offset + len(column)]
    if numpy.array_equal(words[:, 1], words[:, 0] >> 63) and words[:, 0].min(initial=0) > -(2**63):
        return words[:, 0]
    # Beyond 18 digits Python's own integers have to do it, which hardly ever happens.
    exact: _Integers = words[:, 0].view(numpy.uint64).astype(object) + words[:, 1].astype(object) * 2**64
    return exact


def _add_numeric(fixed: _Fixed, values: _Integers, scale: int) -> None:
    """PostgreSQL's numeric: digits to the base of 10,000, of which the last is what follows the decimal point."""
    rest = numpy.abs(values)
    if rest.max(initial=0) < 2**31:
        rest = rest.astype(numpy.uint32)  # divides several times faster
    digits: list[Any] = []
    base = 10**scale
    while True:
        whole = rest // base
        digits.insert(0, rest - whole * base)
        rest, base = whole, 10**_DIGIT_WIDTH
        if len(digits) > 1 and not rest.any():
            break
    digits[-1] = digits[-1] * 10 ** (_DIGIT_WIDTH - scale)
    fixed.add(">i4", 8 + 2 * len(digits))
    fixed.add(">i2", len(digits))
    fixed.add(">i2", len(digits) - 2)
    fixed.add(">u2", numpy.where(values < 0, _NEGATIVE, 0) if values.min(initial=0) < 0 else 0)
    fixed.add(">i2", scale)
    for digit in digits:
        fixed.add(">i2", digit)
