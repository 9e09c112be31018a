"""The variables that definitions refer to, found without reading them as YAML.

scripts/generate_env.py needs them before anything is installed: Python 3.8, standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from shared.regular_files import read_text

_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
_DEFAULT = r"['\"]?default['\"]?:"
_REFERENCE = re.compile(
    rf"(?P<before>{_DEFAULT}[^,}}\n]*[,\n]\s*)?"
    r"['\"]?\b(?P<kind>env|secret)['\"]?:\s*(?P<quote>['\"]?)(?P<name>[A-Z][A-Z0-9_]*)(?P=quote)\s*(?=[,}\n]|$)"
    rf"(?P<after>,?\s*{_DEFAULT})?"
)


class Variable(NamedTuple):
    """A variable that at least one definition refers to."""

    name: str
    file: str
    """The first definition that refers to it, with its directory: `sources/shop.yaml`."""
    is_secret: bool
    is_required: bool
    """Whether a reference to it has no default."""


def variables_in(directory: Path) -> dict[str, Variable]:
    """The variables of all `*.yaml` files in the directory, by name, in the order in which they are found.

    A file that cannot be read is left out: where the definition is used, it is an error that says why.
    """
    found: dict[str, Variable] = {}
    for path in sorted(directory.glob("*.yaml")):
        try:
            text = read_text(path, errors="replace")
        except OSError:
            continue
        for each in _references(f"{directory.name}/{path.name}", text):
            known = found.get(each.name, each)
            found[each.name] = known._replace(
                is_secret=known.is_secret or each.is_secret, is_required=known.is_required or each.is_required
            )
    return found


def _references(file: str, text: str) -> Iterator[Variable]:
    for match in _REFERENCE.finditer(_COMMENT.sub("", text)):
        has_default = bool(match.group("before") or match.group("after"))
        yield Variable(match.group("name"), file, match.group("kind") == "secret", not has_default)
