"""Several slow questions at once, none of which can keep the command from ending."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Answer = TypeVar("Answer")


def side_by_side(questions: Sequence[Callable[[], Answer]], seconds: float = 60.0) -> list[Answer | None]:
    """The answers in their order; None for one that took longer than `seconds`. An error goes on to the caller.

    Not an executor: Python waits for an executor's threads when it ends, however long they hang.
    """
    answers: dict[int, Answer] = {}
    errors: list[Exception] = []

    def ask(number: int) -> None:
        try:
            answers[number] = questions[number]()
        except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(len(questions))]
    ends = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(ends - time.monotonic(), 0))
    if errors:
        raise errors[0]
    return [answers.get(number) for number in range(len(questions))]
