"""Quotes texts and names from files and layouts as DuckDB literals, so that they are never executed as SQL."""

from __future__ import annotations

WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""The characters that the contract strips from both ends of a text: Unicode's white space."""


def literal(text: str) -> str:
    """A text as an SQL literal. The doubled quote is DuckDB's only escape."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: tuple[str, ...] | list[str]) -> str:
    """Several texts as SQL literals, separated by commas."""
    return ", ".join(literal(text) for text in texts)


def trimmed(expression: str) -> str:
    """SQL of the text without white space at its ends."""
    # DuckDB takes long to look for that many characters, so texts that begin and end with a printable one are left out.
    is_printable = "BETWEEN 33 AND 126"
    return (
        f"CASE WHEN ascii({expression}) {is_printable} AND ascii(right({expression}, 1)) {is_printable}"
        f" THEN {expression} ELSE trim({expression}, {literal(WHITE_SPACE)}) END"
    )


def cell(*, is_exact: bool) -> str:
    """SQL of the distinct `text` of a number, time or code: trimmed, unless its source has types."""
    return "text" if is_exact else trimmed("text")
