"""Texts in which no channel finds a link or a mention, except the links of the platform itself.

A retailer, a file or the id of a run can contain an address. Teams, Slack and mail programs would make it a link in a
message that its readers trust.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_ADDRESS = re.compile(r"(?i)(?P<scheme>[a-z][a-z0-9+.-]*:)//(?P<rest>\S*)|\bwww\.")
_MENTION = re.compile(r"(?i)@(?=(?:everyone|here|channel|all)\b)")


def inert(text: str, own: Collection[str | None] = ()) -> str:
    """The text with `https://x` as `https:[//]x`, and with what else marks a link or a mention changed, but readable.

    `own`: addresses that stay links, with what is below them.
    """
    places = tuple(f"{each.rstrip('/')}/" for each in own if each)

    def changed(found: re.Match[str]) -> str:
        if not found["scheme"]:
            return "www[.]"
        is_own = f"{found[0]}/".startswith(places) and "//" not in found["rest"]
        return found[0] if is_own else f"{found['scheme']}[//]{found['rest'].replace('//', '[//]')}"

    text = text.replace("](", "] (").replace("<", "‹").replace(">", "›")
    return _MENTION.sub("@ ", _ADDRESS.sub(changed, text))
