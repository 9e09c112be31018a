"""Reads the messages of Singer's specification: the records of one stream.

A program prints one JSON object per line. SCHEMA comes before the records of a stream, and RECORD has one. STATE says
how far the program has come. It is checked and not kept: the platform has a watermark of its own, which moves when the
records are published (docs/decisions/0046-programs-are-sources-of-complete-dates.md). Other types are ignored.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NoReturn

import orjson

from shared.errors import StopRun
from shared.logs import get_logger

_log = get_logger(__name__)
DELETED_AT = "_sdc_deleted_at"
"""The key by which taps that read a database's log say that a record was deleted."""
_LONG_NUMBER = re.compile(rb"[0-9.]{17}")
"""A number of up to 15 digits, the most that a float keeps exactly, has fewer characters."""
_EXACT_DIGITS = 15
_MOST_INTEGER_CHARACTERS = 18
_MOST_NAMED = 10
Record = dict[str, Any]


class Messages:
    """The messages of one run. `what` begins the errors: the source, and the program's name."""

    def __init__(self, what: str, stream: str) -> None:
        self._what, self._stream = what, stream
        self._number = 0
        self._is_described = False
        self._absent: dict[str, None] = {}
        self._others: Counter[str] = Counter()
        self._noise = 0

    def records(self, lines: Iterable[bytes]) -> Iterator[tuple[Record, int]]:
        """The records of the stream, each with the bytes of its line. Raises StopRun when a message is wrong."""
        for self._number, line in enumerate(lines, start=1):
            message = self._message(line)
            if message is None:
                continue
            kind = message.get("type")
            if kind == "RECORD":
                if self._is_of_stream(message):
                    yield self._record(message), len(line)
            elif kind == "SCHEMA":
                if self._is_of_stream(message):
                    self._describe(message)
            else:
                self._check_other(message, kind)
        self._finish()

    def _message(self, line: bytes) -> Record | None:
        if not line.lstrip().startswith(b"{"):
            self._noise += bool(line.strip())
            return None  # a print of a library, which cannot be a message
        try:
            message = _exact(line) if _LONG_NUMBER.search(line) else orjson.loads(line)
        except (ValueError, RecursionError):
            self._fail("is not JSON, or only a part of a message")
        return message if isinstance(message, dict) else self._fail("is not a JSON object")

    def _is_of_stream(self, message: Record) -> bool:
        stream = message.get("stream")
        if not isinstance(stream, str):
            self._fail("has no `stream`")
        if stream != self._stream:
            self._others[stream] += 1
        return stream == self._stream

    def _describe(self, message: Record) -> None:
        schema, keys = message.get("schema"), message.get("key_properties", [])
        if not isinstance(schema, dict):
            self._fail("is a SCHEMA without `schema`")
        if not isinstance(keys, list):
            self._fail("is a SCHEMA whose `key_properties` is not a list")
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            self._fail("is a SCHEMA whose `properties` or `required` cannot be read")
        needed = {each for each in (*keys, *required) if isinstance(each, str)}
        # A tap may leave out what is null.
        self._absent = {name: None for name in properties if name not in needed}
        self._is_described = True

    def _record(self, message: Record) -> Record:
        record = message.get("record")
        if not isinstance(record, dict):
            self._fail("is a RECORD without `record`")
        if not self._is_described:
            self._fail(f"is a RECORD of {self._stream!r} before its SCHEMA")
        return record if record.keys() >= self._absent.keys() else {**self._absent, **record}

    def _check_other(self, message: Record, kind: object) -> None:
        if not isinstance(kind, str):
            self._fail("has no `type`")
        if kind == "STATE" and "value" not in message:
            self._fail("is a STATE without `value`")
        if kind == "BATCH":
            self._fail("is a BATCH, whose records are in files. Remove `batch_config` from connection.config")

    def _finish(self) -> None:
        if self._noise:
            _log.warning("a program printed lines that are not messages", source=self._what, lines=self._noise)
        if self._is_described:
            return
        named = ", ".join(sorted(self._others)[:_MOST_NAMED])
        sent = f"It sent {named}" if named else "It sent no stream at all"
        raise StopRun(f"{self._what} sent no SCHEMA of the stream {self._stream!r}. {sent}. Correct read.stream.")

    def _fail(self, reason: str) -> NoReturn:
        raise StopRun(f"{self._what}: line {self._number:,} of its output {reason}. Nothing of it was landed.")


def _exact(line: bytes) -> Any:
    """The JSON value, in which a number that is not exact as a float or has more than 64 bits is a text."""
    return json.loads(line, parse_float=_number, parse_int=_integer, parse_constant=_no_number)


def _number(text: str) -> float | str:
    return float(text) if len(Decimal(text).as_tuple().digits) <= _EXACT_DIGITS else f"{Decimal(text):f}"


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _MOST_INTEGER_CHARACTERS else text


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
