"""Recognises what went wrong with a response, and says where it is corrected."""

from __future__ import annotations

from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import urllib3


def is_not_http(error: BaseException | None) -> bool:
    """Whether an error was caused by a response that cannot be read as HTTP, and not by a connection that ended."""
    while error is not None:
        if isinstance(error, urllib3.exceptions.InvalidHeader):
            return True
        if isinstance(error, HTTPException) and not isinstance(error, RemoteDisconnected | IncompleteRead):
            return True
        error = error.__cause__ or error.__context__
    return False


def place_of(setting: str) -> str:
    """Where a user corrects a setting: a variable in `.env`; a part of a definition is described with its file."""
    return setting if "sources/" in setting else f"{setting} in .env"
