"""Texts and names of other people as DuckDB literals and identifiers: nothing a file or a layout holds is ever SQL."""

from __future__ import annotations

WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What the contract cuts off at both ends of a text: the characters Unicode calls white space."""


def literal(text: str) -> str:
    """A text as an SQL literal. DuckDB knows no escapes but the doubled quote."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: tuple[str, ...] | list[str]) -> str:
    """Several, with commas."""
    return ", ".join(literal(text) for text in texts)


def trimmed(expression: str) -> str:
    """The text without white space at its ends."""
    return f"trim({expression}, {literal(WHITE_SPACE)})"
