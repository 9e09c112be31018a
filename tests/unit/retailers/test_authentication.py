"""Tokens, signatures and cursors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retailers.rejections import Rejected
from retailers.retailer2 import cursors
from retailers.retailer2.cursors import Position
from retailers.retailer2.tokens import Tokens, bearer
from retailers.retailer3.signatures import Signatures, signature

NOW = 1_705_329_802
TARGET = "/api/ventas?fecha=15%2F01%2F2024&pagina=1"


def rejection(call: object, *arguments: object) -> str:
    with pytest.raises(Rejected) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.status in (400, 401)
    return caught.value.code


def headers(**changed: str) -> dict[str, str]:
    stamp = changed.get("stamp", str(NOW))
    made = {"X-Client-Id": "shop", "X-Timestamp": stamp, "X-Signature": signature("secret", "GET", TARGET, stamp)}
    return {**made, **{name: value for name, value in changed.items() if name.startswith("X-")}}


def test_the_signature_is_the_one_that_openssl_makes() -> None:
    # printf 'GET\n/api/ventas?...\n1705329802' | openssl dgst -sha256 -hmac secret
    assert (
        signature("secret", "GET", TARGET, str(NOW))
        == "0cf36140293b62a881f6345e349abf6357ec45876ddfa56c31fb6437807255b9"
    )


def test_a_signed_request_is_accepted() -> None:
    Signatures("shop", "secret", lambda: NOW + 299).check("GET", TARGET, headers())


@pytest.mark.parametrize(
    ("sent", "target", "code"),
    [
        ({}, TARGET, "missing_signature"),
        (headers(**{"X-Client-Id": "thief"}), TARGET, "unknown_client"),
        (headers(stamp=str(NOW - 301)), TARGET, "stale_timestamp"),
        (headers(stamp=str(NOW + 301)), TARGET, "stale_timestamp"),
        (headers(**{"X-Timestamp": "yesterday"}), TARGET, "stale_timestamp"),
        (headers(**{"X-Timestamp": str(NOW + 1)}), TARGET, "invalid_signature"),
        (headers(), TARGET + "0", "invalid_signature"),
        (headers(), TARGET.replace("%2F", "/"), "invalid_signature"),
        (headers(**{"X-Signature": "ñ"}), TARGET, "invalid_signature"),
    ],
)
def test_a_request_that_does_not_hold_is_rejected(sent: dict[str, str], target: str, code: str) -> None:
    assert rejection(Signatures("shop", "secret", lambda: NOW).check, "GET", target, sent) == code


def test_a_token_is_valid_until_it_expires() -> None:
    clock = [float(NOW)]
    tokens = Tokens("secret", 300, lambda: clock[0])
    token = tokens.issue()
    tokens.check(token)
    clock[0] += 299
    tokens.check(token)
    clock[0] += 1
    assert rejection(tokens.check, token) == "token_expired"


def test_a_token_outlives_a_restart_but_not_another_secret() -> None:
    token = Tokens("secret", 300, lambda: NOW).issue()
    Tokens("secret", 300, lambda: NOW).check(token)
    assert rejection(Tokens("other", 300, lambda: NOW).check, token) == "invalid_token"


def test_a_revoked_token_has_expired_and_others_have_not() -> None:
    tokens = Tokens("secret", 300, lambda: NOW)
    first, second = tokens.issue(), tokens.issue()
    tokens.revoke(first)
    assert rejection(tokens.check, first) == "token_expired"
    tokens.check(second)


@pytest.mark.parametrize("token", ["", "x", "1.2.3", "9999999999.1."])
def test_a_made_up_token_is_rejected(token: str) -> None:
    assert rejection(Tokens("secret", 300, lambda: NOW).check, token) == "invalid_token"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc"])
def test_a_request_without_a_token_is_rejected(header: str | None) -> None:
    assert rejection(bearer, header) == "missing_token"


@given(st.integers(-1, 2**61), st.integers(-1, 2**61), st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_cursor_brings_back_the_place_it_was_made_of(time: int, key: int, delivered: int, page: int) -> None:
    position = Position("placed_on 2024-01-15", time, key, delivered, page)
    assert cursors.decode(cursors.encode(position), position.listing) == position


def test_without_a_cursor_a_listing_begins() -> None:
    assert cursors.decode(None, "placed_on 2024-01-15") == Position("placed_on 2024-01-15")


@pytest.mark.parametrize(
    "cursor", ["x", "!!!", "bnVsbA", "WzFd", cursors.encode(Position("placed_on 2024-01-16")), "ñ"]
)
def test_an_invalid_cursor_or_one_of_another_listing_is_rejected(cursor: str) -> None:
    assert rejection(cursors.decode, cursor, "placed_on 2024-01-15") == "invalid_cursor"
