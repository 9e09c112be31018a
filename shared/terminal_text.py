"""Texts from files, retailers and users, as a terminal may show them."""

from __future__ import annotations

import re

from rich import markup

# All but the tab and the line end; the last two ranges change the direction of the text around them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""The text with `\x1b` and the like in place of characters that control a terminal.

    A file's header or a product's name could otherwise clear the screen, hide a line, or write to the clipboard.
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def escape(text: str) -> str:
    """The same for rich: what looks like its markup is a text, too."""
    return markup.escape(printable(text))
