"""Reads BSON documents as the JSON values that a mapping reads, exactly.

The driver converts while it decodes, so that a page of usual documents is read without a look at each value. What JSON
has no value for, such as NaN, is an `Unread`: the mapping rejects a record that needs it, and no other.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import bson
from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.codec_options import CodecOptions, DatetimeConversion, TypeDecoder, TypeRegistry
from bson.errors import InvalidBSON

from ingestion.connectors.http.json_body import marked
from ingestion.mapping.json_objects import Unread
from ingestion.mapping.json_rows import UNREADABLE
from ingestion.models.reject_reasons import RejectReason

_MOST_EXACT = 2**53
"""Above it, a double is not every integer, so one without a fraction may not be what was stored."""
_LEAST_BYTES = 5
"""The size of a document without fields."""
_MOST_EXPONENT = 40
"""No amount has more digits before or after its point. Others stay as they are written, and are rejected."""
PAGE_BYTES = 1024 * 1024
"""How much BSON is read at once: values take some ten times as much memory."""


_COEFFICIENT = (1 << 113) - 1
_EXPONENT_BIAS = 6176
_SPECIAL = 3 << 125
"""The bits of a decimal that is infinite or not a number."""


def decimal_text(value: Decimal128) -> str | Unread:
    """A decimal with all of its digits."""
    # The driver's own conversion takes ten times as long, and a line has several amounts.
    bits = int.from_bytes(value.bid, "little")
    exponent = ((bits >> 113) & 0x3FFF) - _EXPONENT_BIAS
    if bits & _SPECIAL == _SPECIAL or not -_MOST_EXPONENT <= exponent <= 0:
        return _unusual_decimal(value.to_decimal())
    digits = str(bits & _COEFFICIENT)
    if exponent:
        digits = digits.zfill(1 - exponent)
        digits = f"{digits[:exponent]}.{digits[exponent:]}"
    return f"-{digits}" if bits >> 127 else digits


def _unusual_decimal(value: Decimal) -> str | Unread:
    if not value.is_finite():
        return Unread(RejectReason.NOT_A_NUMBER, "not a finite number", str(value))
    return format(value, "f") if abs(int(value.as_tuple().exponent)) <= _MOST_EXPONENT else str(value)


def _double(value: float) -> int | float | Unread:
    """Programs that know only doubles store the number 2 as 2.0."""
    if not math.isfinite(value):
        return Unread(RejectReason.NOT_A_NUMBER, "not a finite number", str(value))
    return int(value) if value.is_integer() and abs(value) <= _MOST_EXACT else value


def time_text(value: datetime) -> str:
    """A time in UTC with its zone. One without a zone is UTC."""
    text = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return f"{text.isoformat(timespec='milliseconds')}Z" if text.microsecond else f"{text.isoformat()}Z"


def _no_time(value: DatetimeMS) -> Unread:
    return Unread(RejectReason.INVALID_DATE, "a time outside of the years 1 to 9999", str(int(value)))


def _without_value(what: str) -> Callable[[Any], Unread]:
    return lambda _: Unread(RejectReason.MALFORMED, what)


_READ: Mapping[type[Any], Callable[[Any], Any]] = {
    ObjectId: str,
    Decimal128: decimal_text,
    Int64: int,
    float: _double,
    datetime: time_text,
    DatetimeMS: _no_time,
    Timestamp: lambda value: time_text(value.as_datetime()),
    uuid.UUID: str,
    bytes: bytes.hex,
    Binary: bytes.hex,
    DBRef: lambda value: {f"${key}": each for key, each in (("ref", value.collection), ("id", value.id))},
    Regex: _without_value("a regular expression"),
    Code: _without_value("code"),
    MinKey: _without_value("the lowest key"),
    MaxKey: _without_value("the highest key"),
}


class _Decoder(TypeDecoder):
    """Reads the values of one type."""

    def __init__(self, kind: type[Any], read: Callable[[Any], Any]) -> None:
        self._kind, self._read = kind, read

    @property
    def bson_type(self) -> Any:
        return self._kind

    def transform_bson(self, value: Any) -> Any:
        return self._read(value)


_STRICT: CodecOptions[Any] = CodecOptions(
    uuid_representation=bson.binary.UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    type_registry=TypeRegistry([_Decoder(kind, read) for kind, read in _READ.items()]),
)
_CAREFUL = _STRICT.with_options(unicode_decode_error_handler="surrogateescape")


def places(batch: bytes) -> Iterator[slice]:
    """Where the documents of a batch are. Raises InvalidBSON if it has something else."""
    start = 0
    while start < len(batch):
        end = start + int.from_bytes(batch[start : start + 4], "little")
        if end < start + _LEAST_BYTES or end > len(batch):
            raise InvalidBSON("a batch that is not a sequence of documents")
        yield slice(start, end)
        start = end


def documents(batch: bytes) -> Iterator[bytes]:
    """The documents of a batch, each as BSON."""
    return (batch[place] for place in places(batch))


def fitting(batch: bytes, most: int) -> int:
    """How many documents of the size of those in a batch fit into a page; at least one, and at most so many."""
    number = sum(1 for _ in places(batch))
    return max(1, min(most, number * PAGE_BYTES // max(1, len(batch)))) if number else most


def pages(batch: bytes) -> Iterator[bytes]:
    """A batch in parts of complete documents, each with `PAGE_BYTES` at most; a larger document alone."""
    if len(batch) <= PAGE_BYTES:
        if batch:
            yield batch
        return
    part, size = list[bytes](), 0
    for each in documents(batch):
        if part and size + len(each) > PAGE_BYTES:
            yield b"".join(part)
            part, size = [], 0
        part.append(each)
        size += len(each)
    yield b"".join(part)


class Shape:
    """The keys that a mapping reads. A document that has not all of them is as one in which they are null."""

    def __init__(self, keys: Mapping[str, Sequence[str]], path: str = "") -> None:
        self._keys = dict.fromkeys(keys[path])
        inner = {key: f"{path}.{key}" if path else key for key in self._keys}
        self._inner = {key: Shape(keys, child) for key, child in inner.items() if child in keys}

    def complete(self, given: Any) -> Any:
        """A document with null in place of what it has not. It is changed as it is."""
        if type(given) is list:
            for each in given:
                self.complete(each)
        elif type(given) is dict:
            for key in self._keys.keys() - given.keys():
                given[key] = None
            for key, inner in self._inner.items():
                inner.complete(given[key])
        return given


def read_documents(batch: bytes) -> list[Any]:
    """The documents of a batch as JSON values. One that cannot be read says why, with the key `UNREADABLE`."""
    try:
        return bson.decode_all(batch, _STRICT)
    except (InvalidBSON, RecursionError):
        return [_carefully(each) for each in documents(batch)]


def _carefully(document: bytes) -> Any:
    try:
        return marked(bson.decode(document, _CAREFUL))
    except (InvalidBSON, RecursionError) as error:  # the driver says both as the first one
        return _unreadable("nested too deeply" if "recursion" in str(error) else "not valid BSON")


def _unreadable(reason: str) -> dict[str, Any]:
    return {UNREADABLE: {"code": RejectReason.MALFORMED.value, "reason": reason}}


def as_text(value: Any) -> str | None:
    """A value of a small result as text: a time, an amount, a number."""
    read = _READ.get(type(value))
    found = read(value) if read else value
    if found is None or isinstance(found, str):
        return found
    if isinstance(found, Unread):
        return found.sent
    return format(Decimal(repr(found)), "f") if isinstance(found, float) else str(found)
