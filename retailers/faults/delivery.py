"""Faults in the delivery of a response: rejections, delays, and broken bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Response

from retailers.faults.board import FaultBoard, Visit
from retailers.rejections import Rejected, rate_limited, unavailable

_HTML = b"<!doctype html><html><body><h1>We are doing maintenance</h1></body></html>"
_SHORTEST_DROPPED = 512


def interrupt(board: FaultBoard, visit: Visit, sleep: Callable[[float], None]) -> None:
    """Delay or reject a request if such a fault is on. Raises Rejected."""
    if fault := board.strikes("slow", visit):
        sleep(fault.number("seconds", 5))
    if fault := board.strikes("429", visit):
        raise rate_limited(fault.number("retry_after", 1))
    if board.strikes("500", visit):
        raise Rejected(500, "internal_error", "something went wrong on our side")
    if fault := board.strikes("503", visit):
        after = fault.options.get("retry_after")
        raise unavailable(float(after) if after is not None else None)
    if fault := board.strikes("fail_at_page", visit):
        raise Rejected(int(fault.number("status", 500)), "internal_error", "something went wrong on our side")


def spoil(board: FaultBoard, visit: Visit, response: Response) -> Response:
    """The response, broken if such a fault is on."""
    if board.strikes("html", visit):
        return Response(_HTML, mimetype="text/html")
    if board.strikes("truncate", visit):
        body = response.get_data()
        response.set_data(body[: len(body) * 2 // 3])
        return response
    if board.strikes("drop", visit):
        return _broken_off(response)
    return response


def _broken_off(response: Response) -> Response:
    """Half of a body with the content length of all of it, so that the server has to close the connection."""
    body = response.get_data()
    dropped = Response(_half(body), headers=response.headers, status=response.status_code)
    dropped.headers["Content-Length"] = str(max(len(body), _SHORTEST_DROPPED))
    return dropped


def _half(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
