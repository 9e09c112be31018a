"""Reads pages faster: the next one while the current one is processed, and with less garbage collection."""

from __future__ import annotations

import contextvars
import gc
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")
_AHEAD = 1
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
_POLL_SECONDS = 0.1


class _Reader(Generic[T]):
    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._ready: queue.Queue[tuple[list[T], BaseException | None]] = queue.Queue(_AHEAD)
        """One item, an empty list at the end, or the error that ended the iteration."""
        self.stopped = threading.Event()

    def read(self) -> None:
        try:
            for item in self._items:
                self._hand_over([item], None)
                if self.stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the other thread
            self._hand_over([], error)
        else:
            self._hand_over([], None)

    def received(self) -> Iterator[T]:
        while True:
            item, error = self._ready.get()
            if error is not None:
                raise error
            if not item:
                return
            yield item[0]

    def _hand_over(self, item: list[T], error: BaseException | None) -> None:
        while not self.stopped.is_set():
            try:
                self._ready.put((item, error), timeout=_POLL_SECONDS)
                return
            except queue.Full:
                continue


@contextmanager
def prefetch(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same items in the same order, fetched in another thread, at most two before they are needed.

    An error of `items` is raised where its item would have come. Leaving the block stops the reading.
    """
    reader, context = _Reader(items), contextvars.copy_context()
    thread = threading.Thread(target=lambda: context.run(reader.read), name="prefetch", daemon=True)
    thread.start()
    try:
        yield reader.received()
    finally:
        reader.stopped.set()
        thread.join()


@contextmanager
def reduced_gc() -> Iterator[None]:
    """Look for cyclic garbage less often: a page is many small objects without cycles, freed by reference counting.

    Measured: a quarter faster.
    """
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
