"""Reads a JSON body in which a single value cannot be read, so that its record is rejected and not the page.

Servers send what strict readers reject: half a surrogate pair, bytes that are not UTF-8, NaN, 1e400, control characters
in a text, integers of thousands of digits, and values nested a thousand levels deep. Each such value is an `Unread` in
what is returned; the mapping rejects a record that needs it.

Of a name that an object has twice, the last value counts. A mark of the byte order at the beginning is ignored, as RFC
8259 allows.

A value takes far more memory than it takes in the body: 60 MB of `{},` become gigabytes. So the memory is estimated
before anything is read.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any

import orjson

from ingestion.mapping.json_objects import Unread
from ingestion.models.reject_reasons import RejectReason

_MOST_BYTES_PER_BYTE = 40
"""The most memory that a byte of a body can take, which is in one of nothing but brackets."""
_BYTES_PER_CONTAINER, _BYTES_PER_VALUE = 200, 120
_NOT_ASCII = re.compile(rb"[\x80-\xff]|\\u")
_FOUR_BYTES = re.compile(rb"[\xf0-\xff]|\\u[dD][89abAB]")
_CAREFUL_SHARE, _CAREFUL_BYTES = 2, 8
"""A body that has a value that cannot be read takes more memory: it is decoded as a text, many such values take 1.7
times the estimate, and a control character becomes six bytes where a rejected row is written. So only such a part of
the memory may be used, by the values and by the body. Of usual rows, 5 MB fit with the default settings."""
_MOST_DIGITS = 1_000
_MOST_LEVELS = 500
_SHOWN_CHARACTERS = 200
_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A text without its end goes on to the end of the body. It is not looked for again at each of its quotes."""
_TOO_DEEP = "\udfff nested too deeply"
"""In place of a value; no text can contain it, since a byte that is not UTF-8 becomes another surrogate."""


class TooLargeToReadCarefully(ValueError):
    """The body has a value that cannot be read, or is not JSON; to find out would take too much memory."""


def memory_of(body: bytes | bytearray, enough: int) -> int:
    """About how many bytes of memory the values of a body take, rather too many than too few.

    0 for a body that is so small that they cannot take more than `enough`: nothing of it is counted.
    """
    if len(body) * _MOST_BYTES_PER_BYTE <= enough:
        return 0
    containers, values = body.count(b"{") + body.count(b"["), body.count(b",")
    size = containers * _BYTES_PER_CONTAINER + values * _BYTES_PER_VALUE
    return size + len(body) * (_bytes_per_character(body) if size + 4 * len(body) > enough else 1)


def _bytes_per_character(body: bytes | bytearray) -> int:
    """One character that needs more bytes makes all others of its text as wide."""
    if not _NOT_ASCII.search(body):
        return 1
    return 4 if _FOUR_BYTES.search(body) else 2


def read_json(body: bytes | bytearray, most: int) -> Any:
    """The value of a body, in about `most` bytes of memory.

    Raises ValueError if it is not JSON, TooLargeToReadCarefully if that is not certain.
    """
    if body.startswith(codecs.BOM_UTF8):
        body = body[len(codecs.BOM_UTF8) :]
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if len(body) * _CAREFUL_BYTES > most or memory_of(body, most) * _CAREFUL_SHARE > most:
            raise TooLargeToReadCarefully(f"{error.msg} at character {error.pos}") from error
    return _carefully(body)


def _carefully(body: bytes | bytearray) -> Any:
    text = body.decode("utf-8", "surrogateescape")
    try:
        value = _loads(text)
    except RecursionError:
        value = _loads(_without_depths(text))
    return marked(value)


def _loads(text: str) -> Any:
    return json.loads(text, strict=False, parse_int=_integer, parse_float=_number, parse_constant=_constant)


def _integer(text: str) -> object:
    if len(text) > _MOST_DIGITS:
        return _unread(RejectReason.TOO_MANY_DIGITS, "a number with more than a thousand digits", text)
    return int(text)


def _number(text: str) -> object:
    value = float(text)
    return value if math.isfinite(value) else _constant(text)


def _constant(text: str) -> Unread:
    return _unread(RejectReason.NOT_A_NUMBER, "not a finite number", text)


def _unread(code: RejectReason, reason: str, sent: str) -> Unread:
    # With quotes and backslashes as they are, and everything beyond ASCII escaped.
    shown = sent[:_SHOWN_CHARACTERS].encode("ascii", "backslashreplace").decode()
    return Unread(code, reason, shown)


def _without_depths(text: str) -> str:
    """The text with a mark in place of every value that is nested too deeply."""
    kept, level, start = list[str](), 0, 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in "[{":
            level += 1
            if level == _MOST_LEVELS + 1:
                kept.append(text[start : found.start()])
        elif found[0] in "]}":
            level -= 1
            if level == _MOST_LEVELS:
                kept.append(json.dumps(_TOO_DEEP))
                start = found.end()
    return "".join((*kept, text[start:] if level <= _MOST_LEVELS else ""))


def marked(value: Any) -> Any:
    """The value with an `Unread` in place of every text that is not one. Lists and objects are changed as they are."""
    if isinstance(value, str):
        return _unread_text(value) if _SURROGATE.search(value) else value
    if isinstance(value, list):
        value[:] = map(marked, value)
    elif isinstance(value, dict):
        for key, each in value.items():
            value[key] = marked(each)
    return value


def _unread_text(text: str) -> Unread:
    if text == _TOO_DEEP:
        return Unread(RejectReason.MALFORMED, "nested too deeply", "")
    return _unread(RejectReason.MALFORMED, "a text with half a character", text)
