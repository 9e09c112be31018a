"""Sources that are hostile in how they send: slowly, without end, packed, or not as HTTP."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from tests.fakes.http_vendor import Reply, Request
from tests.hostile.modes import Api, Fails, Lands, Mode, Respond, Result, every_reply, source

SLOW = {"INGEST_TIMEOUT_SECONDS": "2", "INGEST_MAX_ATTEMPTS": "1"}
TOO_SLOW = Fails("RetryLater", "took more than 8 s for one response")
CLOSED = Fails("RetryLater", "closed the connection during its response")
NOT_HTTP = Fails("RetryLater", "sent a response that is not HTTP")
STATUS = b"HTTP/1.1 200 OK\r\n"
START = STATUS + b"Content-Type: application/json\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"
NO_END = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff"
"""A gzip member that goes on with empty blocks."""
BOMB_BYTES = 1 << 30


def always(sent: bytes, repeated: bytes = b"") -> Callable[[Api], Respond]:
    """These bytes, whatever is requested."""
    given = Reply(sent=sent, repeated=repeated, drip_seconds=0.05)
    return every_reply(lambda _: given)


def in_bytes(given: Reply, *headers: bytes, length: bytes | None = None) -> Reply:
    """A right reply with further headers, and another Content-Length if one is given."""
    own = [f"{name}: {value}".encode() for name, value in given.headers.items()]
    own.append(b"Content-Length: " + (str(len(given.body)).encode() if length is None else length))
    return Reply(sent=START + b"\r\n".join((*own, *headers)) + b"\r\n\r\n" + given.body)


def with_headers(*headers: bytes, length: bytes | None = None, **fields: object) -> Callable[[Api], Respond]:
    """Right replies with these headers."""
    return every_reply(lambda given: in_bytes(given, *headers, length=length), **fields)


def chunked(given: Reply, after: bytes, repeated: bytes = b"") -> Reply:
    """A right reply in one chunk, and what comes after it."""
    own = b"".join(f"{name}: {value}\r\n".encode() for name, value in given.headers.items())
    body = b"%x\r\n" % len(given.body) + given.body + b"\r\n"
    head = START + own + b"Transfer-Encoding: chunked\r\n\r\n"
    return Reply(sent=head + body + after, repeated=repeated, drip_seconds=0.05)


@cache
def bomb(times: int) -> bytes:
    """A gigabyte of zeros, packed so many times."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    body = gzip.compress(b"")[:10] + block * (BOMB_BYTES >> 24)
    for _ in range(times - 1):
        body = gzip.compress(body)
    return body


def bombs(times: int) -> Callable[[Api], Respond]:
    """A bomb in place of every reply."""
    encoding = {"Content-Encoding": ", ".join(["gzip"] * times)}
    return every_reply(lambda _: Reply(body=bomb(times), headers=encoding))


def packed(given: Reply) -> Reply:
    """A right reply, packed."""
    return replace(given, body=gzip.compress(given.body), headers={**given.headers, "Content-Encoding": "gzip"})


def redirect(status: str, target: str) -> bytes:
    """A reply that leads elsewhere."""
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


def limited_at_first(value: str) -> Callable[[Api], Respond]:
    """Every second request is one too many, and has to wait so long."""

    def make(api: Api) -> Respond:
        right, requests = source()(api), [0]

        def respond(request: Request) -> Reply:
            requests[0] += 1
            return Reply(429, headers={"Retry-After": value}) if requests[0] % 2 else right(request)

        return respond

    return make


def mode(name: str, hostile: Callable[[Api], Respond], result: Result, **settings: str) -> Mode:
    """A mode against every connector."""
    return Mode(name, hostile, result, settings=settings)


RETRY_AFTER = (
    *("0", "1", "-1", "3600", "²", "1e9", "nan", "inf", "soon", "", "9" * 20, "9" * 5000, "٣"),
    *("Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 01 Jan 2099 00:00:00"),
)
DRIPS = {
    "a header that never ends": (STATUS + b"X-A: ", b"a"),
    "100 Continue without end": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "a body byte by byte": (START + b"Content-Length: 100000\r\n\r\n", b" "),
    "a body until the connection closes": (START + b"\r\n{}", b" "),
    "a chunk size that never ends": (CHUNKED, b"0"),
    "chunks without end": (CHUNKED + b"2\r\n{}\r\n", b"1\r\n \r\n"),
    "empty gzip blocks without end": (
        START + b"Content-Encoding: gzip\r\n\r\n" + NO_END,
        b"\x00\x00\x00\xff\xff",
    ),
}
MODES = (
    *(mode(name, always(*sent), TOO_SLOW, **SLOW) for name, sent in DRIPS.items()),
    mode(
        "headers without end",  # the deadline, or the most headers that a response may have: whichever comes first
        always(STATUS, b"X-A: a\r\n"),
        Fails("RetryLater", f"{TOO_SLOW.text}|{NOT_HTTP.text}"),
        **SLOW,
    ),
    mode("trailers without end", every_reply(lambda given: chunked(given, b"0\r\n", b"X: y\r\n")), TOO_SLOW, **SLOW),
    mode(
        "nothing after the request",
        every_reply(lambda given: replace(given, pause_seconds=4)),
        Fails("RetryLater", "sent nothing for 2 s"),
        **SLOW,
    ),
    mode("a connection that is closed", always(b""), Fails("RetryLater", "cannot be reached")),
    mode("headers of 5 MB", with_headers(*[b"X-Big: " + b"a" * 60_000] * 90), Lands()),
    mode("5,000 headers", with_headers(*[b"X-B: a"] * 5_000), NOT_HTTP),
    mode("a header of 1 MB", with_headers(b"X-Big: " + b"a" * 1_000_000), NOT_HTTP),
    mode("status 999", always(b"HTTP/1.1 999 X\r\n\r\n"), Fails("RetryLater", "responded with 999")),
    mode("status 199", always(b"HTTP/1.1 199 X\r\n\r\n"), Fails("FixConfiguration", r"\(199\)")),
    mode("HTTP/0.9", always(b"hello world\r\n"), NOT_HTTP),
    mode("a length that is too large", with_headers(length=b"1000000000"), CLOSED),
    mode("a length that is too small", with_headers(length=b"10"), Fails("RetryLater", "sent invalid JSON")),
    mode("a negative length", with_headers(length=b"-5"), Lands()),
    mode("a length in another script", with_headers(length=b"\xb2"), Lands()),
    mode("a length of 5,000 digits", with_headers(length=b"9" * 5_000), Lands()),
    mode("two lengths", with_headers(b"Content-Length: 7"), NOT_HTTP),
    mode("a chunk without size", always(CHUNKED + b"ZZZ\r\n{}\r\n"), CLOSED),
    mode("a chunk of negative size", always(CHUNKED + b"-5\r\n{}\r\n"), CLOSED),
    *(
        mode(f"a redirect: {status} to {target}", always(redirect(status, target)), Fails("FixConfiguration", status))
        for status, target in (("302", "file:///etc/passwd"), ("307", "http://127.0.0.1:9/steal"))
    ),
    mode(
        "another content type",
        every_reply(lambda given: replace(given, content_type="text/json")),
        Fails("RetryLater", "sent 'text/json' instead of JSON"),
    ),
    mode(
        "90 content types of 60 KB",
        with_headers(*[b"Content-Type: " + b"a://" * 15_000] * 90),
        Fails("RetryLater", r"sent 'application/json, a://(a://)*a?:?/?' instead of JSON"),
    ),
    mode("gzip", every_reply(packed), Lands()),
    *(
        mode(f"a gigabyte packed {times} times", bombs(times), Fails("StopRun", "sent more than 33554432 bytes"))
        for times in (1, 2, 5)
    ),
    mode("a gigabyte packed 6 times", bombs(6), Fails("RetryLater", "closed the connection")),
    *(
        mode(f"Retry-After: {value[:32]}", limited_at_first(value), Lands(), INGEST_MAX_ATTEMPTS="3")
        for value in RETRY_AFTER
    ),
    mode("401 for ever", lambda api: lambda request: Reply(401), Fails("FixConfiguration", r"\(401\)")),
)
