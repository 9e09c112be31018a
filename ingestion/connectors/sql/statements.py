"""Builds the statements. Names are quoted, values are bound, and the user's query is used as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Quote = Callable[[str], str]
_TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]\n]*\](?=\s|[,.)]|$)|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$"""
    r"""|--[^\n]*|/\*.*?\*/|::|(?P<percent>%)|(?<![\w:]):(?P<name>[a-z_]+)\b|.""",
    re.DOTALL,
)
"""Texts, quoted names, comments and casts, in which `:day` is not a parameter; a percent sign; a parameter."""


def double_quoted(name: str) -> str:
    """A name as standard SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def parameters_of(sql: str) -> frozenset[str]:
    """The parameters in a query: `:day`."""
    return frozenset(found["name"] for found in _TOKEN.finditer(sql) if found["name"])


def compiled(sql: str, names: Mapping[str, object], *, pyformat: bool) -> str:
    """A statement with `:name` parameters as the driver wants it: unchanged, or as `%(name)s`."""
    if not pyformat:
        return sql

    def written(found: re.Match[str]) -> str:
        if found["name"] in names:
            return f"%({found['name']})s"
        return found[0].replace("%", "%%")

    return _TOKEN.sub(written, sql)


@dataclass(frozen=True)
class Selection:
    """The lines of a source: its query as a subquery, from which columns and dates are selected."""

    query: str
    quote: Quote
    is_parametrised: bool
    """Whether the query selects the business date itself."""

    @classmethod
    def of(cls, query: str | None, table: str | None, quote: Quote) -> Selection:
        """What `query` or `table` of a definition says."""
        if query is None:
            name = ".".join(quote(part) for part in (table or "").split("."))
            return cls(f"SELECT * FROM {name}", quote, is_parametrised=False)  # noqa: S608 - quoted
        # A comment at the end must not hide what follows.
        text = query.strip().rstrip(";").rstrip()
        return cls(f"{text}\n", quote, is_parametrised=bool(parameters_of(text)))

    def select(self, what: str, condition: str = "", rest: str = "") -> str:
        """`SELECT what` of these lines."""
        where = f" WHERE {condition}" if condition else ""
        return f"SELECT {what} FROM (\n{self.query}) AS sales{where}{rest}"  # noqa: S608 - names are quoted

    def columns(self, names: Sequence[str]) -> str:
        """A list of quoted columns."""
        return ", ".join(map(self.quote, names))
