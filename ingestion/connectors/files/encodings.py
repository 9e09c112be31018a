"""Guesses the encoding of a file that is not UTF-8 from its lines. Decoding it strictly proves the guess later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ingestion.connectors.files.sources import StoredFile
from shared.errors import FixConfiguration, StopRun

_CHUNK = 1024 * 1024
_SAMPLE_BYTES = 64 * 1024
_LIKELY = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "mac_roman", "shift_jis", "gb18030", "big5", "euc_kr"]
_SIGN_IN_WORD = re.compile("[A-Za-z][\u00a1-\u00bf\u00d7\u00f7][A-Za-z]")
_ACCIDENT = 20
"""One line in so many may be valid UTF-8 by accident; the file still counts as written in one other encoding."""


def detect_encoding(file: StoredFile) -> str:
    """The encoding that the file's lines outside ASCII are written in; UTF-8 when all of them are.

    Raises StopRun when some lines are UTF-8 and some are not, FixConfiguration when no known encoding fits.
    """
    sample = bytearray()
    first: dict[bool, int] = {}
    count = {True: 0, False: 0}
    for number, line in _lines(file):
        if line.isascii():
            continue
        valid = _is_utf8(line)
        first.setdefault(valid, number)
        count[valid] += 1
        if not valid and len(sample) < _SAMPLE_BYTES:
            sample += line + b"\n"
    if not count[False]:
        return "utf-8"
    if count[True] * _ACCIDENT >= count[False]:
        raise StopRun(
            f"{file.place} mixes encodings: line {first[True]} is UTF-8, line {first[False]} is not. Save all of it"
            " in one encoding, preferably UTF-8. Nothing was loaded."
        )
    return _guess(file, bytes(sample), first[False])


def _guess(file: StoredFile, sample: bytes, line: int) -> str:
    if _reads_as_western(sample):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_LIKELY).best()
    if best is None:
        raise FixConfiguration(
            f"{file.place}, line {line}: the encoding is neither UTF-8 nor another known one. Declare it in the layout"
            " (format: encoding:), or save the file as UTF-8. Nothing was loaded."
        )
    return str(best.encoding)


def _reads_as_western(sample: bytes) -> bool:
    """Whether it is Western European Windows text: accented characters are single, and no symbol is inside a word.

    With few accents nothing else can decide: the same byte is one character in Prague and another in Paris.
    """
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    outside = sum(not character.isascii() for character in text)
    in_a_row = sum(not one.isascii() and not two.isascii() for one, two in pairwise(text))
    return in_a_row * 4 <= outside and not _SIGN_IN_WORD.search(text)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _lines(file: StoredFile) -> Iterator[tuple[int, bytes]]:
    """Lines with their number; a line longer than a chunk comes in pieces with the same number."""
    with file.unpacked() as stream:
        number = 1
        while line := stream.readline(_CHUNK):
            yield number, line
            number += line.endswith(b"\n")
