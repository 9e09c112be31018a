"""Fetches the sample that a URL names: one request, with limits in time and size."""

from __future__ import annotations

import requests

from shared.errors import FixConfiguration
from shared.http_deadline import DeadlineSession
from shared.urls import has_credentials, without_credentials

SECONDS, MOST_BYTES = 60.0, 20 * 1024 * 1024
_CHUNK = 64 * 1024


def is_url(origin: str) -> bool:
    """Whether a sample is fetched rather than read from a file."""
    return origin.startswith(("http://", "https://"))


def fetch(url: str, seconds: float = SECONDS) -> bytes:
    """The body of the response. Raises FixConfiguration, which shows no credentials."""
    shown = without_credentials(url)
    if has_credentials(url):
        raise FixConfiguration(
            "The address has a user or a password in it. Save a response to a file, and give that with --response."
        )
    session = DeadlineSession()
    body = bytearray()
    try:
        with (
            session.deadline(seconds) as deadline,
            session.get(
                url, stream=True, timeout=seconds, headers={"Accept": "application/json, text/csv, */*"}
            ) as found,
        ):
            if found.status_code != 200:
                raise FixConfiguration(
                    f"{shown} responded with status {found.status_code}. If it needs a key or a login, save a response"
                    " to a file, and give that with --response."
                )
            for chunk in found.iter_content(_CHUNK):
                body += chunk
                if len(body) > MOST_BYTES:
                    raise FixConfiguration(f"{shown} sends more than {MOST_BYTES:,} bytes. Request fewer records.")
            if deadline.is_over:
                raise FixConfiguration(f"{shown} did not respond completely within {seconds:.0f} seconds.")
    except (requests.RequestException, OSError, ValueError) as error:
        raise FixConfiguration(f"{shown} cannot be read: {type(error).__name__}.") from error
    finally:
        session.close()
    return bytes(body)
