"""The local S3 accepts what botocore signs with its key, and nothing else. botocore is the reference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_stack.s3_signatures import (
    AccessKey,
    Request,
    RequestRejected,
    check_body,
    is_hash,
    reject_web_pages,
    verify,
)

KEY = AccessKey("the-key", "the/secret+key")
HOST = "127.0.0.1:9000"
KEYS = ["k", "raw/retailer_1/year=2024/month=01/day=15/sales_data.json", "ü x+y~(1)*'!.json", "a//b/./c/", "100%25"]


@dataclass(frozen=True)
class Sent:
    """A request on the wire."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def request(self) -> Request:
        """As a WSGI server hands it over."""
        _, _, query = self.target.partition("?")
        environ: dict[str, Any] = {"REQUEST_METHOD": self.method, "RAW_URI": self.target, "QUERY_STRING": query}
        for name, value in {"Host": HOST, **self.headers}.items():
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = value.encode().decode("latin-1")
        return Request(environ)

    def without(self, name: str) -> Sent:
        """The same request without a header."""
        return replace(self, headers={each: value for each, value in self.headers.items() if each != name})

    def with_header(self, name: str, value: str) -> Sent:
        """The same request with another header, or another value of one."""
        return replace(self, headers={**self.headers, name: value})


def signed(
    method: str = "PUT",
    target: str = "/raw/k",
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    key: AccessKey = KEY,
) -> Sent:
    """A request with a signature in its header, as boto3 and the AWS CLI send it."""
    request = AWSRequest(method, f"http://{HOST}{target}", headers=dict(headers or {}), data=body)
    S3SigV4Auth(Credentials(key.key_id, key.secret), "s3", "us-east-1").add_auth(request)
    return Sent(method, target, dict(request.headers))


def presigned(method: str = "GET", target: str = "/raw/k", expires: int = 60, key: AccessKey = KEY) -> Sent:
    """A presigned URL."""
    request = AWSRequest(method, f"http://{HOST}{target}")
    S3SigV4QueryAuth(Credentials(key.key_id, key.secret), "s3", "eu-central-1", expires=expires).add_auth(request)
    parts = urlsplit(str(request.url))
    return Sent(method, f"{parts.path}?{parts.query}")


def time_of(sent: Sent) -> datetime:
    given = sent.headers.get("X-Amz-Date") or dict(sent.request.query)["X-Amz-Date"]
    return datetime.strptime(given, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def code_of(sent: Sent, late: timedelta = timedelta(0), now: datetime | None = None) -> str:
    """The code with which a request is rejected; empty when it is accepted."""
    try:
        verify(sent.request, KEY, now or time_of(sent) + late)
    except RequestRejected as error:
        return error.code
    return ""


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE", "POST"])
def test_what_botocore_signs_is_accepted(method: str, key: str) -> None:
    sent = signed(method, f"/raw/{quote(key, safe='/~')}")

    assert verify(sent.request, KEY, time_of(sent)) == hashlib.sha256(b"{}").hexdigest()


@pytest.mark.parametrize(
    "query",
    [
        "uploads",
        "list-type=2&prefix=raw%2Fretailer_1%2F&delimiter=%2F&encoding-type=url",
        "prefix=a%20b%2Bc%C3%BC&prefix=a&max-keys=1",
        "partNumber=10&uploadId=a.b_c~d-e%3D%3D&partNumber=2",
        "empty=&delete",
    ],
)
def test_a_signed_query_is_accepted(query: str) -> None:
    assert code_of(signed("GET", f"/raw?{query}")) == ""
    assert code_of(presigned("GET", f"/raw?{query}")) == ""


def test_a_space_may_be_written_in_each_way_that_clients_write_it() -> None:
    sent = signed("GET", "/raw?prefix=a%20b")

    assert code_of(replace(sent, target="/raw?prefix=a+b")) == ""


def test_what_a_client_leaves_plain_is_signed_percent_encoded() -> None:
    sent = signed("GET", "/raw/year%3D2024/%2A")

    assert code_of(replace(sent, target="/raw/year=2024/*")) == ""
    assert code_of(replace(sent, target=f"http://{HOST}/raw/year=2024/*")) == ""


def test_headers_are_compared_as_they_are_signed() -> None:
    sent = signed(
        headers={"Content-Type": "application/json", "x-amz-meta-a_b": "  two   words ", "x-amz-meta-name": "ä"}
    )

    assert code_of(sent) == ""


@pytest.mark.parametrize(
    ("payload", "has_hash"),
    [
        (hashlib.sha256(b"").hexdigest(), True),
        ("UNSIGNED-PAYLOAD", False),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", False),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", False),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", False),
    ],
)
def test_each_way_of_signing_a_body_is_accepted(payload: str, has_hash: bool) -> None:
    class Declared(S3SigV4Auth):
        def payload(self, request: Any) -> str:
            return payload

    request = AWSRequest("PUT", f"http://{HOST}/raw/k", data=b"body")
    Declared(Credentials(KEY.key_id, KEY.secret), "s3", "us-east-1").add_auth(request)
    sent = Sent("PUT", "/raw/k", dict(request.headers))

    assert verify(sent.request, KEY, time_of(sent)) == payload
    assert is_hash(payload) == has_hash


def test_another_body_than_the_signed_one_is_rejected() -> None:
    check_body(b"{}", hashlib.sha256(b"{}").hexdigest())
    with pytest.raises(RequestRejected) as caught:
        check_body(b"{ }", hashlib.sha256(b"{}").hexdigest())
    assert (caught.value.status[:3], caught.value.code) == ("400", "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (lambda sent: replace(sent, method="DELETE"), "SignatureDoesNotMatch"),
        (lambda sent: replace(sent, target="/raw/other"), "SignatureDoesNotMatch"),
        (lambda sent: replace(sent, target="/processed/k"), "SignatureDoesNotMatch"),
        (lambda sent: replace(sent, target="/raw/k?acl"), "SignatureDoesNotMatch"),
        (lambda sent: sent.with_header("Host", "localhost:9000"), "SignatureDoesNotMatch"),
        (lambda sent: sent.with_header("Content-Type", "text/html"), "SignatureDoesNotMatch"),
        (lambda sent: sent.with_header("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"), "SignatureDoesNotMatch"),
        (lambda sent: sent.with_header("X-Amz-Content-SHA256", "none"), "InvalidArgument"),
        (lambda sent: sent.without("X-Amz-Content-SHA256"), "InvalidArgument"),
        (lambda sent: sent.with_header("x-amz-copy-source", "/raw/secret"), "AccessDenied"),
        (lambda sent: sent.without("Authorization"), "AccessDenied"),
        (lambda sent: sent.with_header("Authorization", ""), "AuthorizationHeaderMalformed"),
        (lambda sent: sent.with_header("Authorization", "AWS the-key:c2ln"), "AuthorizationHeaderMalformed"),
        (lambda sent: changed(sent, "/s3/", "/sts/"), "AuthorizationHeaderMalformed"),
        (lambda sent: changed(sent, "Credential=the-key/", "Credential=the-key/1"), "AuthorizationHeaderMalformed"),
        (lambda sent: changed(sent, "the-key", "Ü"), "InvalidAccessKeyId"),
        (lambda sent: changed(sent, "us-east-1", "eu-central-1"), "SignatureDoesNotMatch"),
        (lambda sent: changed(sent, "host;", ""), "AccessDenied"),
        (lambda sent: changed(sent, "x-amz-date", "x-amz-none"), "AccessDenied"),
    ],
)
def test_a_request_that_was_changed_is_rejected(tamper: Callable[[Sent], Sent], code: str) -> None:
    sent = signed(headers={"Content-Type": "application/json"})

    assert code_of(tamper(sent), now=time_of(sent)) == code


def changed(sent: Sent, text: str, by: str) -> Sent:
    assert text in sent.headers["Authorization"]
    return sent.with_header("Authorization", sent.headers["Authorization"].replace(text, by))


@pytest.mark.parametrize("make", [signed, presigned])
def test_another_key_is_rejected(make: Callable[..., Sent]) -> None:
    assert code_of(make(key=replace(KEY, secret="another"))) == "SignatureDoesNotMatch"
    assert code_of(make(key=replace(KEY, key_id="another"))) == "InvalidAccessKeyId"


def test_the_clock_of_the_sender_may_be_a_quarter_of_an_hour_off() -> None:
    sent = signed()

    for minutes, code in ((-16, "RequestTimeTooSkewed"), (-14, ""), (14, ""), (16, "RequestTimeTooSkewed")):
        assert code_of(sent, timedelta(minutes=minutes)) == code
    for wrong in ("", "yesterday", "20240115T103000", "99999999T999999Z"):
        assert code_of(sent.with_header("X-Amz-Date", wrong), now=time_of(sent)) == "AccessDenied"


def test_the_older_version_of_signatures_is_rejected_with_words() -> None:
    older = "/raw/k?AWSAccessKeyId=the-key&Signature=c2ln&Expires=4102444800"

    assert code_of(Sent("GET", older), now=datetime(2024, 1, 1, tzinfo=UTC)) == "InvalidRequest"


def test_a_presigned_url_is_valid_until_it_expires() -> None:
    sent = presigned(expires=3600)

    for minutes, code in ((-16, "AccessDenied"), (-14, ""), (59, ""), (61, "AccessDenied")):
        assert code_of(sent, timedelta(minutes=minutes)) == code


@pytest.mark.parametrize(
    ("text", "by", "code"),
    [
        ("/raw/k?", "/raw/other?", "SignatureDoesNotMatch"),
        ("X-Amz-Expires=60", "X-Amz-Expires=600", "SignatureDoesNotMatch"),
        ("X-Amz-Expires=60", "X-Amz-Expires=604801", "AuthorizationQueryParametersError"),
        ("X-Amz-Expires=60", "X-Amz-Expires=soon", "AuthorizationQueryParametersError"),
        ("X-Amz-Expires=60", "X-Amz-None=60", "AuthorizationQueryParametersError"),
        ("X-Amz-Signature=", "X-Amz-Signature=0", "SignatureDoesNotMatch"),
        ("X-Amz-Signature=", "X-Amz-Signature=%C3%BC", "SignatureDoesNotMatch"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3B%E2%98%83", "SignatureDoesNotMatch"),
        ("X-Amz-Credential=the-key", "X-Amz-Credential=%E2%98%83", "InvalidAccessKeyId"),
        ("eu-central-1", "%E2%98%83", "SignatureDoesNotMatch"),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "AuthorizationQueryParametersError"),
        ("X-Amz-Algorithm", "X-Amz-None", "AccessDenied"),
    ],
)
def test_a_presigned_url_that_was_changed_is_rejected(text: str, by: str, code: str) -> None:
    sent = presigned()
    assert text in sent.target

    assert code_of(replace(sent, target=sent.target.replace(text, by)), now=time_of(sent)) == code


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": f"http://{HOST}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Host": "example.com"},
        {"Host": "example.com:9000"},
        {"Host": "127.0.0.1.example.com"},
        {"Host": "localhost.example.com"},
        {"Host": "evil.localhost:9000"},
        {"Host": "[::1"},
        {"Host": ""},
    ],
)
def test_what_a_browser_sends_for_a_web_page_is_rejected_even_when_it_is_signed(headers: dict[str, str]) -> None:
    sent = replace(signed(), headers={**signed().headers, **headers})

    with pytest.raises(RequestRejected) as caught:
        reject_web_pages(sent.request)
    assert (caught.value.status[:3], caught.value.code) == ("403", "AccessDenied")


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "127.0.0.1", "localhost:9000", "LOCALHOST", "[::1]:9000"])
def test_programs_reach_the_store_by_each_name_of_this_machine(host: str) -> None:
    reject_web_pages(Sent("GET", "/", {"Host": host}).request)
    reject_web_pages(Sent("GET", "/", {"Host": host, "Sec-Fetch-Site": "none"}).request)
