"""An S3 API on this machine: moto's server, with its contents kept in a directory.

moto itself forgets everything when it stops. Here every change is on disk before its response is sent, so a server
that is killed restarts with everything it had acknowledged. It listens on the loopback interface only. There is one
access key, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of its environment, and every request must be signed with it
(`s3_signatures.py`), except `GET /_local/health`. It simulates S3, not IAM. For tests and drills a bucket can be made
to reject requests: `--deny NAME`, or `PUT /_local/denied` with a JSON list of names.

    python -m local_stack.s3_server --port 9000 --directory .local/s3
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from local_stack.errors import StackError
from local_stack.s3_signatures import (
    AccessKey,
    Request,
    RequestRejected,
    check_body,
    is_hash,
    reject_web_pages,
    verify,
)
from shared.directories import make_directory
from shared.scratch import scratch_directory

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
HEALTH, DENIED = "/_local/health", "/_local/denied"
KEY_SETTINGS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_MOST_DISCARDED_BYTES = 16 * 1024 * 1024
_ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>{error.code}</Code><Message>{error}</Message><RequestId>local</RequestId></Error>"
)
StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class LocalS3:
    """The WSGI application around moto's: rejects whoever has no key, and records changes before it responds."""

    def __init__(
        self,
        moto: Application,
        save_changes: Callable[[str, str], None],
        denied: Iterable[str],
        key: AccessKey,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._moto = moto
        self._save_changes = save_changes
        self._denied = set(denied)
        self._key = key
        self._clock = clock

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        path = environ.get("PATH_INFO", "/")
        bucket, _, key = path.lstrip("/").partition("/")
        try:
            reject_web_pages(Request(environ))
            if path == HEALTH:
                return _respond(start_response, "200 OK", "", "text/plain")
            self._check_signature(environ)
            if bucket in self._denied:
                raise RequestRejected("403 Forbidden", "AccessDenied", "Access Denied")
        except RequestRejected as error:
            return _reject(environ, start_response, error)
        if path == DENIED:
            return self._administer(environ, start_response)
        if environ["REQUEST_METHOD"] in READING:
            return self._moto(environ, start_response)
        return self._change(environ, start_response, bucket, _record_key(environ, key))

    def _check_signature(self, environ: dict[str, Any]) -> None:
        request = Request(environ)
        payload = verify(request, self._key, self._clock())
        if is_hash(payload):
            body = request.read_body()
            environ["wsgi.input"] = io.BytesIO(body)
            check_body(body, payload)

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
            self._denied = set(json.loads(Request(environ).read_body()))
        return _respond(start_response, "200 OK", json.dumps(sorted(self._denied)), "application/json")


def _record_key(environ: dict[str, Any], key: str) -> str:
    """The key to record, or none for a part of an upload: nothing about it is kept before the upload is complete."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    raw_path = environ.get("RAW_URI", "").partition("?")[0].lstrip("/").partition("/")[2]
    return "" if "partNumber" in query else unquote(raw_path) or key


def _reject(environ: dict[str, Any], start_response: StartResponse, error: RequestRejected) -> list[bytes]:
    # Some clients do not read a response before they have sent everything.
    Request(environ).read_body(_MOST_DISCARDED_BYTES)
    return _respond(start_response, error.status, _ERROR.format(error=error), "application/xml")


def _respond(start_response: StartResponse, status: str, body: str, content_type: str) -> list[bytes]:
    data = body.encode()
    # The request may still have a body that nobody read, so the connection cannot be used again.
    headers = [("Content-Type", content_type), ("Content-Length", str(len(data))), ("Connection", "close")]
    start_response(status, headers)
    return [data]


def serve(directory: Path, port: int, key: AccessKey, denied: Sequence[str] = ()) -> None:
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
    make_directory(directory)
    records = Records(directory / "buckets", keep_bodies_in(directory / "blobs"))
    records.load()
    gc.freeze()
    # S3 alone: moto's dispatcher of all services looks through its folders again with every request.
    application = LocalS3(create_backend_app("s3"), records.save_changes, denied, key)
    server = make_server(LOOPBACK, port, application, threaded=True, request_handler=Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


@dataclass(frozen=True)
class S3Process:
    """A running server: `endpoint` is its URL, `key` the one that it accepts."""

    endpoint: str
    process: subprocess.Popen[bytes]
    key: AccessKey

    @property
    def environment(self) -> dict[str, str]:
        """How to reach it, as the pipeline's settings."""
        return {"S3_ENDPOINT_URL": self.endpoint, **key_settings(self.key), "AWS_DEFAULT_REGION": "us-east-1"}

    def deny(self, buckets: Sequence[str]) -> None:
        """Reject these buckets, and only these, from now on."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        url, body = self.endpoint + DENIED, json.dumps(list(buckets)).encode()
        signed = AWSRequest("PUT", url, data=body)
        S3SigV4Auth(Credentials(self.key.key_id, self.key.secret), "s3", "us-east-1").add_auth(signed)
        request = urllib.request.Request(url, body, dict(signed.headers), method="PUT")
        urllib.request.urlopen(request, timeout=10).close()

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def key_settings(key: AccessKey) -> dict[str, str]:
    """The environment variables with this key."""
    return dict(zip(KEY_SETTINGS, (key.key_id, key.secret), strict=True))


def start_server(directory: Path, port: int, log_file: Path, key: AccessKey, *, die_with_us: bool = True) -> S3Process:
    """Start a server as a child process and wait until it responds; StackError names the log when it does not."""
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "local_stack.s3_server", "--port", str(port), "--directory", str(directory)]
    if die_with_us:
        command.append("--die-with-parent")
    environment = {**os.environ, **SERVER_ENVIRONMENT, **key_settings(key), "PYTHONPATH": str(root)}
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    running = S3Process(f"http://{LOOPBACK}:{port}", process, key)
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
        urllib.request.urlopen(f"{endpoint}{HEALTH}", timeout=2).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def throwaway_s3(port: int) -> Iterator[S3Process]:
    """A server with a key of its own, whose contents are gone at the end."""
    key = AccessKey(secrets.token_hex(8), secrets.token_hex(16))
    with scratch_directory() as directory:
        running = start_server(directory / "data", port, directory / "s3.log", key)
        try:
            yield running
        finally:
            running.stop()


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> None:
    """Read the command line and the key, and serve."""
    import argparse

    parser = argparse.ArgumentParser(description="An S3 API on this machine, kept in a directory.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--deny", action="append", default=[], metavar="BUCKET", help="return 403 for this bucket")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends (Linux)")
    options = parser.parse_args(arguments)
    values = [(os.environ if environ is None else environ).get(name, "") for name in KEY_SETTINGS]
    if not all(values):
        parser.error(f"{' and '.join(KEY_SETTINGS)} are not set: the key that requests must be signed with")
    if options.die_with_parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
    serve(options.directory, options.port, AccessKey(*values), options.deny)


if __name__ == "__main__":
    main()
