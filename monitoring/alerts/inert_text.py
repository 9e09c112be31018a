"""Texts in which no channel finds a link or a mention, except the links of the platform itself.

A retailer, a file or the id of a run can contain an address. Teams, Slack and mail programs would make it a link in a
message that its readers trust, even without `https://`: evil.example/login.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_DOT = r"(?<=\w)\.(?!(?:csv|json|jsonl|yaml|yml|toml|conf|parquet|txt|log|gz|main)(?![\w./]))(?=[^\W\d_]{2,63}(?!\w))"
"""The dot before the last part of a host's name, as in evil.example. No client makes a link of these files and modules,
because no host's name ends so."""
_LINK = re.compile(
    r"(?i)(?P<scheme>[a-z][a-z0-9+.-]{0,19}:)//(?P<rest>\S*)"
    r"|(?<![\w/.])(?P<kept>docs/(?-i:[A-Z_]{1,40})\.md|scripts/\w{1,40}\.(?:py|sh))(?![\w./])"
    rf"|\b(?P<name>www)\.|\b(?P<mail>mailto):|(?P<dot>{_DOT})"
)
_HOST_DOT = re.compile(_DOT)
_MENTION = re.compile(r"(?i)@(?=(?:everyone|here|channel|all)\b)")


def inert(text: str, own: Collection[str | None] = ()) -> str:
    """The text with `https://a.example` as `https:[//]a[.]example`, and other links and mentions changed likewise.

    `own`: addresses that stay links, with what is below them.
    """
    places = tuple(f"{each.rstrip('/')}/" for each in own if each)

    def changed(found: re.Match[str]) -> str:
        if found["kept"]:
            return found[0]
        if not found["scheme"]:
            return f"{found['name'] or found['mail'] or ''}[{found[0][-1]}]"
        is_own = f"{found[0]}/".startswith(places) and "//" not in found["rest"]
        rest = _HOST_DOT.sub("[.]", found["rest"].replace("//", "[//]"))
        return found[0] if is_own else f"{found['scheme']}[//]{rest}"

    text = text.replace("](", "] (").replace("<", "‹").replace(">", "›")
    return _MENTION.sub("@ ", _LINK.sub(changed, text))
