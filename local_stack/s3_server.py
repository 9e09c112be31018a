"""An S3 API on this machine: moto's server, with its contents kept in a directory.

moto itself forgets everything when it stops. Here every change is on disk before its response is sent, so a server
that is killed restarts with everything it had acknowledged. Any access key is accepted: the server listens on the
loopback interface only, and simulates S3, not IAM. For tests and drills a bucket can be made to reject requests:
`--deny NAME`, or `PUT /_local/denied` with a JSON list of names.

    python -m local_stack.s3_server --port 9000 --directory .local/s3
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from local_stack.errors import StackError

LOOPBACK = "127.0.0.1"
START_SECONDS = 30.0
BODIES_BETWEEN_COLLECTIONS = 32 * 1024 * 1024
# Large bodies are given back to the system at once instead of being kept by the C library; smaller ones are not, since
# new pages for each of them cost a fifth of the server's time.
SERVER_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(2 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024 * 1024),
}
READING = {"GET", "HEAD", "OPTIONS"}
_DENIED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>local</RequestId></Error>"
)
StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class LocalS3:
    """The WSGI application around moto's: rejects denied buckets and records changes before it responds."""

    def __init__(self, moto: Application, save_changes: Callable[[str, str], None], denied: Iterable[str]) -> None:
        self._moto = moto
        self._save_changes = save_changes
        self._denied = set(denied)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        method = environ["REQUEST_METHOD"]
        path = environ.get("PATH_INFO", "/")
        if path == "/_local/denied":
            return self._administer(environ, start_response)
        bucket, _, key = path.lstrip("/").partition("/")
        if bucket in self._denied:
            return _respond(start_response, "403 Forbidden", _DENIED, "application/xml")
        if method in READING:
            return self._moto(environ, start_response)
        return self._change(environ, start_response, bucket, _record_key(environ, key))

    def _change(self, environ: dict[str, Any], start_response: StartResponse, bucket: str, key: str) -> Iterable[bytes]:
        held: list[Any] = []

        def hold_back(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
            held[:] = [status, headers]
            return lambda data: None

        body = b"".join(self._moto(environ, hold_back))
        try:
            self._save_changes(bucket, key)
        except OSError as error:
            logging.getLogger(__name__).error("%s/%s could not be written: %s", bucket, key, error)
            return _respond(start_response, "500 Internal Server Error", str(error), "text/plain")
        start_response(*held)
        return [body]

    def _administer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PUT":
            length = int(environ.get("CONTENT_LENGTH") or 0)
            self._denied = set(json.loads(environ["wsgi.input"].read(length)))
        return _respond(start_response, "200 OK", json.dumps(sorted(self._denied)), "application/json")


def _record_key(environ: dict[str, Any], key: str) -> str:
    """The key to record, or none for a part of an upload: nothing about it is kept before the upload is complete."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    raw_path = environ.get("RAW_URI", "").partition("?")[0].lstrip("/").partition("/")[2]
    return "" if "partNumber" in query else unquote(raw_path) or key


def _respond(start_response: StartResponse, status: str, body: str, content_type: str) -> list[bytes]:
    data = body.encode()
    # The request may still have a body that nobody read, so the connection cannot be used again.
    headers = [("Content-Type", content_type), ("Content-Length", str(len(data))), ("Connection", "close")]
    start_response(status, headers)
    return [data]


def serve(directory: Path, port: int, denied: Sequence[str] = ()) -> None:
    """Serve until SIGTERM."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from local_stack.s3_objects import keep_bodies_in
    from local_stack.s3_records import Records

    class Handler(MotoRequestHandler):
        protocol_version = "HTTP/1.1"  # one connection for many requests
        bodies = 0
        """Bytes received since the last collection, all threads together; some may go uncounted, and need not be."""

        def handle_one_request(self) -> None:
            self.environ = {}
            super().handle_one_request()
            Handler.bodies += int(self.environ.get("CONTENT_LENGTH") or 0)
            self.environ = {}
            if Handler.bodies > BODIES_BETWEEN_COLLECTIONS:
                # Flask's request is part of a reference cycle, and its body too. Letting them wait for
                # the collector's next turn costs hundreds of megabytes.
                Handler.bodies = 0
                gc.collect()

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    directory.mkdir(parents=True, exist_ok=True)
    records = Records(directory / "buckets", keep_bodies_in(directory / "blobs"))
    records.load()
    gc.freeze()
    # S3 alone: moto's dispatcher of all services looks through its folders again with every request.
    application = LocalS3(create_backend_app("s3"), records.save_changes, denied)
    server = make_server(LOOPBACK, port, application, threaded=True, request_handler=Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


@dataclass(frozen=True)
class S3Process:
    """A running server: `endpoint` is its URL."""

    endpoint: str
    process: subprocess.Popen[bytes]

    def deny(self, buckets: Sequence[str]) -> None:
        """Reject these buckets, and only these, from now on."""
        request = urllib.request.Request(
            f"{self.endpoint}/_local/denied", data=json.dumps(list(buckets)).encode(), method="PUT"
        )
        urllib.request.urlopen(request, timeout=10).close()

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_server(directory: Path, port: int, log_file: Path, *, die_with_us: bool = True) -> S3Process:
    """Start a server as a child process and wait until it responds; StackError names the log when it does not."""
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "local_stack.s3_server", "--port", str(port), "--directory", str(directory)]
    if die_with_us:
        command.append("--die-with-parent")
    environment = {**os.environ, **SERVER_ENVIRONMENT, "PYTHONPATH": str(root)}
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    running = S3Process(f"http://{LOOPBACK}:{port}", process)
    deadline = time.monotonic() + START_SECONDS
    while not responds(running.endpoint):
        if process.poll() is not None or time.monotonic() > deadline:
            running.stop()
            raise StackError(f"The S3 server did not start on port {port}. See {log_file}")
        time.sleep(0.05)
    return running


def responds(endpoint: str) -> bool:
    """Whether a server responds at this endpoint."""
    try:
        urllib.request.urlopen(f"{endpoint}/_local/denied", timeout=2).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def throwaway_s3(port: int) -> Iterator[S3Process]:
    """A server whose contents are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="retail-s3-") as directory:
        running = start_server(Path(directory) / "data", port, Path(directory) / "s3.log")
        try:
            yield running
        finally:
            running.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    import argparse

    parser = argparse.ArgumentParser(description="An S3 API on this machine, kept in a directory.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--deny", action="append", default=[], metavar="BUCKET", help="return 403 for this bucket")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends (Linux)")
    options = parser.parse_args(arguments)
    if options.die_with_parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
    serve(options.directory, options.port, options.deny)


if __name__ == "__main__":
    main()
