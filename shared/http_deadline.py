"""A session whose requests end at a deadline, from the connection to the last byte, whatever the server does.

The time-outs of `requests` are for one wait each. A server that sends a byte now and then, in its headers, between the
parts of a body or after it, keeps a request alive without end. So at the deadline the connection is shut down beneath
it, and the wait ends as if the server had closed it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Retry


class Deadline:
    """Whether the time of a request is over."""

    is_over = False


class DeadlineSession(requests.Session):
    """A session with a deadline for each of its requests. For one thread at a time."""

    def __init__(self, retries: Retry | int = 0) -> None:
        """`retries` are urllib3's, within the deadline; a caller that repeats requests itself has none."""
        super().__init__()
        # Otherwise a request without our credentials, such as that for a token, gets those of ~/.netrc.
        self.auth = lambda request: request
        self._handles = _Handles()
        self.adapter = _Adapter(self._handles, retries)
        for scheme in ("http://", "https://"):
            self.mount(scheme, self.adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: no redirect is followed, so that its Location, which can be anything, is not even looked at."""

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[Deadline]:
        """End what is being sent or read after so many seconds. The caller looks at the deadline after an error."""
        deadline = self._handles.deadline = Deadline()

        def end() -> None:
            deadline.is_over = True
            for connection in list(self._handles.usable):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield deadline
        finally:
            timer.cancel()
            self._handles.close_unused()

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._handles.close_unused()


class _Handles:
    """Second handles of the connections: during a TLS handshake the first one is out of reach.

    A connection may be closed while its last response is still read, so its handle stays usable until that has ended.
    """

    def __init__(self) -> None:
        self.deadline = Deadline()
        """Of the request that is being sent."""
        self.usable: set[socket.socket] = set()
        self.unused: set[socket.socket] = set()

    def close_unused(self) -> None:
        """Close the handles of connections that are closed."""
        self.usable -= self.unused
        for handle in self.unused:
            handle.close()
        self.unused.clear()


class _Adapter(HTTPAdapter):
    def __init__(self, handles: _Handles, retries: Retry | int) -> None:
        self._pools = {"http": _pool(HTTPConnectionPool, handles), "https": _pool(HTTPSConnectionPool, handles)}
        super().__init__(max_retries=retries)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pool(kind: type[HTTPConnectionPool], handles: _Handles) -> type[HTTPConnectionPool]:
    base: Any = HTTPSConnection if kind is HTTPSConnectionPool else HTTPConnection

    class Connection(base):  # type: ignore[misc]
        """A connection that can be ended from another thread."""

        handle: socket.socket | None = None

        def _new_conn(self) -> socket.socket:
            made: socket.socket = super()._new_conn()
            self.handle = made.dup()
            handles.usable.add(self.handle)
            if handles.deadline.is_over:  # while it was connecting: nobody else would end it
                made.close()
                raise TimeoutError("the deadline of the request is over")
            return made

        def close(self) -> None:
            """Close it."""
            super().close()
            if self.handle is not None:
                handles.unused.add(self.handle)
                self.handle = None

    return type(kind.__name__, (kind,), {"ConnectionCls": Connection})
