"""Arrow columns as PostgreSQL's binary COPY format: no text on the way, and no Python object per row.

Rows differ in length only by their texts and nulls. So each run of columns of fixed width is written as one block per
row, and each other column as one block per length that occurs in it; numpy copies blocks to computed positions.
Format: https://www.postgresql.org/docs/14/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
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
_LENGTH_WIDTH = 4
_Bytes = numpy.typing.NDArray[numpy.uint8]
_Integers = numpy.typing.NDArray[numpy.int64]
_Blocks = numpy.typing.NDArray[numpy.void]


class BinaryCopy:
    """What psycopg2 reads from: the batches of a query, encoded one at a time on request."""

    def __init__(self, batches: Iterable[pyarrow.RecordBatch]) -> None:
        """Types: booleans, integers, timestamps with zone, decimals of four places at most, texts."""
        self._pieces = self._encode(batches)
        self.size_bytes = 0
        self.error: BaseException | None = None
        """What reading raised, also an interruption: psycopg2 replaces it with an error of its own."""

    def read(self, size: int = -1) -> bytes:
        """The next piece, whatever its size; empty at the end."""
        try:
            piece = next(self._pieces, b"")
        except BaseException as error:
            self.error = error
            raise
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
    blocks: list[_Fixed | _Varying] = []
    fixed = _Fixed(batch.num_rows)
    fixed.add(">i2", batch.num_columns)
    for column in batch.columns:
        is_text = pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type)
        if is_text or column.null_count:
            varying = _texts(column) if is_text else _with_nulls(column)
            fixed.add(">i4", varying.length_fields)
            blocks += [fixed, varying]
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


class _Varying:
    """A column whose values differ in length: their bytes, where each row's value begins, and how long it is."""

    def __init__(self, data: _Bytes, starts: _Integers, lengths: _Integers, is_null: Any = None) -> None:
        self.data, self.starts = data, starts
        self.lengths: numpy.typing.NDArray[Any] = lengths
        self.length_fields: numpy.typing.NDArray[Any] = lengths
        if is_null is not None:
            self.lengths = numpy.where(is_null, numpy.int64(0), lengths)
            self.length_fields = numpy.where(is_null, numpy.int64(_NULL), lengths)


def _texts(column: Any) -> _Varying:
    wide = pyarrow.types.is_large_string(column.type)
    _, offsets, data = column.buffers()
    stored = numpy.frombuffer(offsets, numpy.int64 if wide else numpy.int32)
    positions: _Integers = stored[column.offset : column.offset + len(column) + 1].astype(numpy.int64)
    characters: _Bytes = numpy.frombuffer(data, numpy.uint8) if data else numpy.empty(0, numpy.uint8)
    return _Varying(characters, positions[:-1], numpy.diff(positions), _is_null(column))


def _with_nulls(column: Any) -> _Varying:
    """A column of fixed width: its values are encoded as if none were null, and left out where they are."""
    kind = column.type
    zero = pyarrow.scalar(Decimal(0) if pyarrow.types.is_decimal(kind) else 0, kind)
    values = _Fixed(len(column))
    _add_column(values, column.fill_null(zero))
    block = values.block()
    starts = numpy.arange(len(column), dtype=numpy.int64) * block.itemsize + _LENGTH_WIDTH
    lengths = numpy.full(len(column), block.itemsize - _LENGTH_WIDTH, numpy.int64)
    return _Varying(numpy.frombuffer(block.tobytes(), numpy.uint8), starts, lengths, _is_null(column))


def _is_null(column: Any) -> Any:
    if not column.null_count:
        return None
    bits = numpy.frombuffer(column.buffers()[0], numpy.uint8)
    return numpy.unpackbits(bits, bitorder="little")[column.offset :][: len(column)] == 0


def _lay_out(blocks: list[_Fixed | _Varying], rows: int) -> bytes:
    items = [block if isinstance(block, _Varying) else block.block() for block in blocks]
    sizes = [item.lengths if isinstance(item, _Varying) else item.itemsize for item in items]
    ends = numpy.cumsum(sum((size for size in sizes), numpy.zeros(rows, numpy.int64)))
    out = numpy.empty(int(ends[-1]), numpy.uint8)
    places = numpy.concatenate([numpy.zeros(1, numpy.int64), ends[:-1]])
    for item, size in zip(items, sizes, strict=True):
        if isinstance(item, _Varying):
            _place_values(out, places, item)
        else:
            _windows(out, item.itemsize)[places] = item
        places = places + size
    return out.tobytes()


def _place_values(out: _Bytes, places: _Integers, values: _Varying) -> None:
    for length in numpy.flatnonzero(numpy.bincount(values.lengths)):
        if length:
            which = numpy.flatnonzero(values.lengths == length)
            _windows(out, int(length))[places[which]] = _windows(values.data, int(length))[values.starts[which]]


def _windows(data: _Bytes, width: int) -> _Blocks:
    """A view of every `width` consecutive bytes, so that a block is copied in one step."""
    return numpy.ndarray((len(data) - width + 1,), f"V{width}", data.data, strides=(1,))


def _add_column(fixed: _Fixed, column: Any) -> None:
    kind = column.type
    if pyarrow.types.is_boolean(kind):
        fixed.add(">i4", 1)
        fixed.add("u1", _integers(column.cast(pyarrow.uint8()), 1))
    elif pyarrow.types.is_integer(kind):
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
    # Beyond 18 digits Python's own integers are needed, which is very rare.
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
        quotient = rest // base
        digits.insert(0, rest - quotient * base)
        rest, base = quotient, 10**_DIGIT_WIDTH
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
