"""Work for several retailers at once, which Ctrl-C ends at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_in_parallel(work: Callable[[Item], Result], items: Sequence[Item], *, name: str) -> tuple[Result, ...]:
    """`work` of every item, each in a thread of its own; results in the order of the items, the first error raised.

    An interrupt does not wait for the threads, as an executor would: they end with the process, which may leave them in
    the middle of anything, as a crash would. What they had not published nobody sees.
    """
    futures: list[Future[Result]] = [Future() for _ in items]
    for number, (future, item) in enumerate(zip(futures, items, strict=True)):
        Thread(target=_fulfil, args=(future, work, item), name=f"{name}_{number}", daemon=True).start()
    errors = [future.exception() for future in futures]  # all have ended when one error is told
    if error := next((each for each in errors if each), None):
        raise error
    return tuple(future.result() for future in futures)


def _fulfil(future: Future[Result], work: Callable[[Item], Result], item: Item) -> None:
    try:
        future.set_result(work(item))
    except BaseException as error:  # noqa: BLE001 - whoever waits for the result raises it
        future.set_exception(error)
