"""Counts the work that a load gives to PostgreSQL and S3: figures that are the same on every machine."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import psycopg2.extensions
import pytest

_MONTH = re.compile(r"_\d{4}_\d{2}(_.*)?$")
_STATISTICS = """
SELECT schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del
FROM pg_stat_user_tables
WHERE schemaname IN ('public', 'ops') AND n_tup_ins + n_tup_upd + n_tup_del > 0
"""
_STEADY_SECONDS = 0.6
"""PostgreSQL 14 sends its statistics twice a second."""


@dataclass
class Work:
    """What was done. Rows are those of the tables that stay, by table: inserted, updated, deleted."""

    statements: int = 0
    copied_bytes: int = 0
    objects_put: int = 0
    put_bytes: int = 0
    rows: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def warehouse_rows(self) -> dict[str, tuple[int, int, int]]:
        """Rows of facts, dimensions and summaries only, without the operational tables."""
        return {name: rows for name, rows in self.rows.items() if re.search(r"\.(fact|dim)_", name)}


def _counting_cursor(work: Work, lock: threading.Lock) -> type[psycopg2.extensions.cursor]:
    class CountingCursor(psycopg2.extensions.cursor):
        def execute(self, *given: Any, **named: Any) -> None:
            with lock:
                work.statements += 1
            super().execute(*given, **named)

        def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
            with lock:
                work.statements += 1
            super().copy_expert(sql, _CountedFile(file, work, lock) if "STDIN" in str(sql).upper() else file, size)

    return CountingCursor


class _CountedFile:
    """What COPY reads from."""

    def __init__(self, file: Any, work: Work, lock: threading.Lock) -> None:
        self._file, self._work, self._lock = file, work, lock

    def read(self, size: int = -1) -> Any:
        data = self._file.read(size)
        with self._lock:
            self._work.copied_bytes += len(data)
        return data

    def readline(self, size: int = -1) -> Any:
        return self._file.readline(size)


@contextmanager
def counted_s3(endpoint: str, work: Work) -> Iterator[str]:
    """An endpoint that passes everything on to another and counts what is put; whichever client is used."""
    upstream = urlsplit(endpoint)
    lock = threading.Lock()

    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "PUT":
                with lock:
                    work.objects_put += 1
                    work.put_bytes += len(body)
            connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port or 80, timeout=60)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                response = connection.getresponse()
                data = response.read()
            finally:
                connection.close()
            self.send_response_only(response.status, response.reason)
            for name, value in response.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            length = response.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815 - the names http.server looks for

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def count_work(monkeypatch: pytest.MonkeyPatch, superuser_dsn: str, endpoint: str, do: Callable[[str], object]) -> Work:
    """Do something with an S3 endpoint that counts, and return the work it caused."""
    work, lock = Work(), threading.Lock()
    before = _rows(superuser_dsn)
    connect: Callable[..., Any] = psycopg2.connect
    with monkeypatch.context() as patch, counted_s3(endpoint, work) as counting:
        factory = _counting_cursor(work, lock)
        patch.setattr(psycopg2, "connect", lambda *given, **named: connect(*given, cursor_factory=factory, **named))
        do(counting)
    after = _rows(superuser_dsn)
    nothing = (0, 0, 0)
    changes = {name: _less(rows, before.get(name, nothing)) for name, rows in sorted(after.items())}
    work.rows = {name: rows for name, rows in changes.items() if rows != nothing}
    return work


def _less(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]


def _rows(dsn: str) -> dict[str, tuple[int, int, int]]:
    """Per table, months added up; read until two readings agree."""
    previous: dict[str, tuple[int, int, int]] | None = None
    for _ in range(20):
        connection = psycopg2.connect(dsn)
        try:
            with connection.cursor() as cursor:
                cursor.execute(_STATISTICS)
                found = cursor.fetchall()
        finally:
            connection.close()
        sums: dict[str, Counter[int]] = {}
        for name, *counts in found:
            sums.setdefault(_MONTH.sub("", name), Counter()).update(dict(enumerate(counts)))
        now = {name: (counts[0], counts[1], counts[2]) for name, counts in sums.items()}
        if now == previous:
            return now
        previous = now
        time.sleep(_STEADY_SECONDS)
    raise AssertionError("PostgreSQL's statistics do not come to rest")
