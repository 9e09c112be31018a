"""URLs as messages may show them: an address can hold a password, a key in its path, or a token in its query.

Every message that names a server uses `shown_url` or `server_of`. Texts that others wrote, such as the errors of a
library, pass through `without_credentials`.

A server can put megabytes into such a text, and a pattern holds the interpreter while it searches. So every pattern
for these texts takes time in proportion to their length, whatever they contain.
"""

from __future__ import annotations

import re

UNCLEAR = "its address"
"""In place of a server that might be a part of a password, for example because a `/` in it is not escaped."""
_SCHEME, _SERVER = r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?//", r"(?:\[[0-9A-Fa-f:.]+\]|[\w.~%-]+)(?::[0-9]+)?"
_PARTS = re.compile(rf"{_SCHEME}(?:[^/?#]*@)?(?P<server>{_SERVER})(?P<rest>(?:[/?#][^@]*)?)")
_WITHOUT_USER = re.compile(rf"{_SCHEME}{_SERVER}(?:[/?#].*)?", re.DOTALL)
_WORD = re.compile(r"[^\s\"\\]+")
"""A text without spaces, quotes and backslashes, which may be a URL; an apostrophe may be in its password."""
_NOT_ESCAPED = re.compile(
    r"://[^\s/?#@:\[\"'\\]{1,200}:(?!\d{1,5}(?!\w))(?:(?!://)(?:\\[^@\n]|[\"'](?=\w)|[^@\n\"'\\])){0,200}+@"
)
"""User and password before a server, with a space or a quote that should have been escaped."""
_QUERY = re.compile(r"\?[^\s'\"<>)\\]+")
_REQUESTED = re.compile(
    r"(?P<before>\b(?:for|with) url: (?:[A-Za-z][A-Za-z0-9+.-]{0,19}://[^\s/?#\"'\\]*)?)[/?][^\s\"'\\]*"
)
"""How requests and urllib3 quote the address of a request."""
_AFTER_NAME = r"(?:\s{0,9}=\s{0,9}|\\?['\"]\s{0,9}:\s{0,9})"
_QUOTED = r"'(?:[^'\\]|\\.)*+'?|\"(?:[^\"\\]|\\.)*+\"?|\\\"(?:(?!\\\")[\s\S])*+(?:\\\")?"
_KEYWORD = re.compile(rf"(?P<name>password{_AFTER_NAME})(?:{_QUOTED}|(?:\\.|['\"](?=\w)|[^\s&'\"\\])+)", re.IGNORECASE)
"""`password=x` of a DSN, and `'password': 'x'` of a mapping, also within a JSON text."""


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
    return shown_url(setting) if any(sign in setting for sign in "@?#") else setting


def page_url(url: str) -> str | None:
    """The URL of a page as a link may have it: with its path, without user and query. None if that is not certain."""
    found = _PARTS.fullmatch(url)
    if found is None or not found["scheme"]:
        return None
    path = re.split("[?#]", found["rest"], maxsplit=1)[0]
    return f"{found['scheme']}://{found['server']}{path.rstrip('/')}"


def has_credentials(url: str) -> bool:
    """Whether there is a user or a password in a URL, or may be."""
    return "@" in url and not _WITHOUT_USER.fullmatch(url)


def without_credentials(text: str) -> str:
    """Any text, with `***` in place of what is likely to be secret in it.

    Masked are what is before the `@` of a URL; its query; path and query after `with url:` and `for url:`, in which
    libraries quote a request; and the value of `password`, with `=` or as a key in quotes. Any other key in a text is
    not known to be one, for example in the path of a URL.
    """
    if "//" in text or "url: " in text:
        text = _REQUESTED.sub(r"\g<before>/***", text)
        text = _NOT_ESCAPED.sub("://***@", text)
        text = _WORD.sub(_masked_word, text)
    return _KEYWORD.sub(r"\g<name>***", text)


def _masked_word(found: re.Match[str]) -> str:
    before, separator, rest = found[0].partition("://")
    if not separator:
        return before
    _, at, server = rest.rpartition("@")
    return f"{before}://{'***@' if at else ''}{_QUERY.sub('?***', server)}"
