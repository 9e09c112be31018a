"""URLs as messages may show them: an address can hold a password, a key in its path, or a token in its query.

Every message that names a server uses `shown_url` or `server_of`. Texts that others wrote, such as the errors of a
library, pass through `without_credentials`.
"""

from __future__ import annotations

import re

UNCLEAR = "its address"
"""In place of a server that might be a part of a password, for example because a `/` in it is not escaped."""
_SCHEME, _SERVER = r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?//", r"(?:\[[0-9A-Fa-f:.]+\]|[\w.~%-]+)(?::[0-9]+)?"
_PARTS = re.compile(rf"{_SCHEME}(?:[^/?#]*@)?(?P<server>{_SERVER})(?P<rest>(?:[/?#][^@]*)?)")
_WITHOUT_USER = re.compile(rf"{_SCHEME}{_SERVER}(?:[/?#].*)?", re.DOTALL)
_BEFORE_SERVER = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s\"\\]*@")
_QUERY = re.compile(r"(?P<url>\b[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>?\\]*\?|with url: [^\s'\"<>?\\]*\?)[^\s'\"<>)\\]+")
_KEYWORD = re.compile(r"(?P<name>\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'\"\\]+)", re.IGNORECASE)


def server_of(url: str) -> str:
    """`host:port` of a URL, without a user; `its address` where that is not certain."""
    found = _PARTS.fullmatch(url)
    return found["server"] if found else UNCLEAR


def shown_url(url: str) -> str:
    """`https://host:port`, with `/…` for a path or query; `its address` where it is not certain what the host is."""
    found = _PARTS.fullmatch(url)
    if found is None:
        return UNCLEAR
    scheme = f"{found['scheme']}:" if found["scheme"] else ""
    return f"{scheme}//{found['server']}" + ("" if found["rest"] in ("", "/") else "/…")


def shown_value(setting: str) -> str:
    """The value of a setting that should be a URL: all of it, unless a password or a token may be in it."""
    return shown_url(setting) if "@" in setting or "?" in setting else setting


def has_credentials(url: str) -> bool:
    """Whether there is a user or a password in a URL, or may be."""
    return "@" in url and not _WITHOUT_USER.fullmatch(url)


def without_credentials(text: str) -> str:
    """Any text, with `***` in place of the users, passwords and queries of the URLs in it."""
    if "//" not in text and "=" not in text and "?" not in text:
        return text
    text = _BEFORE_SERVER.sub(r"\g<scheme>***@", text)
    text = _QUERY.sub(r"\g<url>***", text)
    return _KEYWORD.sub(r"\g<name>***", text)
