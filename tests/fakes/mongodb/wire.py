"""MongoDB's wire protocol: messages with BSON over a socket (OP_MSG, and OP_QUERY for the first one of a driver)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion

_HEADER = struct.Struct("<iiii")
_ANY_TIME = CodecOptions[dict[str, Any]](datetime_conversion=DatetimeConversion.DATETIME_AUTO)
_MSG, _QUERY, _REPLY = 2013, 2004, 1


@dataclass(frozen=True)
class Message:
    """A command that was received."""

    number: int
    operation: int
    command: dict[str, Any]

    def reply(self, body: dict[str, Any]) -> bytes:
        """The response to it."""
        if self.operation == _QUERY:
            return self._framed(_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(body))
        return self._framed(_MSG, struct.pack("<IB", 0, 0) + bson.encode(body))

    def _framed(self, operation: int, body: bytes) -> bytes:
        return _HEADER.pack(_HEADER.size + len(body), 1, self.number, operation) + body


def receive(connection: socket.socket) -> Message | None:
    """The next command; None if the client has closed the connection, or does not speak the protocol."""
    header = _exactly(connection, _HEADER.size)
    if header is None:
        return None
    length, number, _, operation = _HEADER.unpack(header)
    if operation not in (_MSG, _QUERY):
        return None  # as a server does that is spoken to with TLS and has none
    body = _exactly(connection, length - _HEADER.size)
    if body is None:
        return None
    if operation == _QUERY:
        start = body.index(b"\0", 4) + 1 + 8
        return Message(number, operation, bson.decode(_document(body, start)))
    return Message(number, operation, _command(body))


def _command(body: bytes) -> dict[str, Any]:
    [flags] = struct.unpack_from("<I", body)
    place, end, found = 4, len(body) - (4 if flags & 1 else 0), dict[str, Any]()
    while place < end:
        kind, place = body[place], place + 1
        if kind == 0:
            document = _document(body, place)
            found |= bson.decode(document)
            place += len(document)
            continue
        [size] = struct.unpack_from("<i", body, place)
        stop, start = place + size, body.index(b"\0", place + 4) + 1
        documents = []
        while start < stop:
            documents.append(_document(body, start))
            start += len(documents[-1])
        found[body[place + 4 : body.index(b"\0", place + 4)].decode()] = [
            bson.decode(each, _ANY_TIME) for each in documents
        ]
        place = stop
    return found


def _document(body: bytes, start: int) -> bytes:
    [size] = struct.unpack_from("<i", body, start)
    return body[start : start + size]


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    found = bytearray()
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            return None
        found += part
    return bytes(found)
