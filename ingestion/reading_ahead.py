"""Read the next page while the present one is worked on."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
_AHEAD = 1
_POLL_SECONDS = 0.1


@contextmanager
def reading_ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same items in the same order, at most two fetched before they are asked for, in a thread of their own.

    An error of `items` reaches the caller at its place. Leaving the block stops the reading.
    """
    ready: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(_AHEAD)
    left = threading.Event()

    def hand_over(item: T | None, error: BaseException | None, end: bool) -> None:
        while not left.is_set():
            try:
                ready.put((item, error, end), timeout=_POLL_SECONDS)
                return
            except queue.Full:
                continue

    def read() -> None:
        try:
            for item in items:
                hand_over(item, None, False)
                if left.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again where the item is asked for
            hand_over(None, error, True)
        else:
            hand_over(None, None, True)

    def given() -> Iterator[T]:
        while True:
            item, error, end = ready.get()
            if error is not None:
                raise error
            if end:
                return
            yield item  # type: ignore[misc]

    context = contextvars.copy_context()
    reader = threading.Thread(target=lambda: context.run(read), name="reading-ahead", daemon=True)
    reader.start()
    try:
        yield given()
    finally:
        left.set()
        reader.join()
