"""An object that is written piece by piece: one PUT when it is small, else a multipart upload."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Full, Queue

from shared.errors import RetailError

PART_BYTES = 8 * 1024 * 1024
"""Size from which an object is uploaded in parts; memory per upload is about four of them."""
PARTS_IN_FLIGHT = 2
_PIECE_BYTES = 1024 * 1024
Send = Callable[[bytes | Iterator[bytes]], None]
"""Writes the object: in one request, or the pieces of an iterator in parts, discarding them when it raises."""
_LOOK_AGAIN_SECONDS = 0.1


class _Left(RetailError):
    """The object is not to be written."""


class ObjectWriter:
    """An object that appears when it is complete; a thread of its own uploads the parts."""

    def __init__(self, send: Send, part_bytes: int) -> None:
        self._send, self._part_bytes = send, part_bytes
        self._buffer = bytearray()
        self._digest = hashlib.sha256()
        self._pieces: Queue[bytes | None] = Queue(maxsize=1)
        self._upload: Future[None] | None = None
        self._left = False
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        """Hex digest of all that was written so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Append bytes; blocks while two parts are being sent. Raises what the upload raised."""
        self._digest.update(data)
        self.size_bytes += len(data)
        self._buffer += data
        if len(self._buffer) >= (self._part_bytes if self._upload is None else _PIECE_BYTES):
            self._hand_over(bytes(self._buffer))
            self._buffer.clear()

    def complete(self) -> None:
        """Make the object appear, replacing an older one at once."""
        if self._upload is None:
            self._send(bytes(self._buffer))
            return
        self._hand_over(bytes(self._buffer))
        self._hand_over(None)
        self._upload.result()

    def abort(self) -> None:
        """Discard what was sent, unless the object was completed. Never raises: the store expires the rest."""
        if self._upload is not None and not self._upload.done():
            self._left = True
            with suppress(RetailError):
                self._hand_over(None)
                self._upload.result()

    def _hand_over(self, piece: bytes | None) -> None:
        if self._upload is None:
            pool = ThreadPoolExecutor(1, thread_name_prefix="s3-upload")
            self._upload = pool.submit(self._send, self._sent())
            pool.shutdown(wait=False)
        while True:
            try:
                return self._pieces.put(piece, timeout=_LOOK_AGAIN_SECONDS)
            except Full:
                if self._upload.done():  # nobody takes another piece: the upload has failed
                    return self._upload.result()

    def _sent(self) -> Iterator[bytes]:
        while (piece := self._pieces.get()) is not None:
            yield piece
        if self._left:
            raise _Left
