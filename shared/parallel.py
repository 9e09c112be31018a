"""Concurrent work in threads that never keep the process alive.

An executor would be waited for when Python exits, however long its threads hang. These threads end with the process,
possibly in the middle of their work, as in a crash; nobody sees what they had not published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar
from weakref import WeakSet

_threads: WeakSet[Thread] = WeakSet()
Item = TypeVar("Item")
Result = TypeVar("Result")
_SIGNALS_NOTICED_SECONDS = 0.5
"""A signal that arrives just before a wait does not end it: Python handles it only when the main thread runs again."""


def run_in_parallel(work: Callable[[Item], Result], items: Sequence[Item], *, name: str) -> tuple[Result, ...]:
    """Call `work` for every item, each in its own thread, and return the results in the order of the items.

    Raises the first error after all threads have ended. An interrupt (Ctrl-C) does not wait for the threads.
    """
    futures = _start(work, items, name)
    while wait(futures, timeout=_SIGNALS_NOTICED_SECONDS).not_done:
        pass
    errors = [future.exception() for future in futures]
    if error := next((each for each in errors if each), None):
        raise error
    return tuple(future.result() for future in futures)


def run_within(
    seconds: float, work: Callable[[Item], Result], items: Sequence[Item], *, name: str
) -> tuple[Result | None, ...]:
    """The same with a time limit for all items together: None for each that has not finished by then.

    Raises the first error of those that have finished.
    """
    futures = _start(work, items, name)
    finished = wait(futures, timeout=seconds).done
    return tuple(future.result() if future in finished else None for future in futures)


def _start(work: Callable[[Item], Result], items: Sequence[Item], name: str) -> list[Future[Result]]:
    futures: list[Future[Result]] = [Future() for _ in items]
    for number, (future, item) in enumerate(zip(futures, items, strict=True)):
        thread = Thread(target=_fulfil, args=(future, work, item), name=f"{name}_{number}", daemon=True)
        _threads.add(thread)
        thread.start()
    return futures


def is_any_running() -> bool:
    """Whether a thread that was started here is still at work, for example after an interrupt."""
    return any(thread.is_alive() for thread in tuple(_threads))


def _fulfil(future: Future[Result], work: Callable[[Item], Result], item: Item) -> None:
    try:
        future.set_result(work(item))
    except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for the result
        future.set_exception(error)
