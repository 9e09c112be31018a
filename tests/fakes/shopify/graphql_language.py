"""As much of GraphQL as the tests' shop understands: one operation with variables, arguments and fragments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r"#[^\n]*|[\s,]+|(\.\.\.|[{}()\[\]:!$=]|\"[^\"]*\"|-?\d+|\w+)")
_WORDS: Mapping[str, Any] = {"null": None, "true": True, "false": False}


@dataclass
class Field:
    """A field that is selected."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    selected: list[Field] = field(default_factory=list)

    def child(self, name: str) -> Field | None:
        """A field that is selected of it."""
        return next((each for each in self.selected if each.name == name), None)


def parse(text: str, variables: Mapping[str, Any]) -> tuple[str, list[Field]]:
    """The name of the operation and its fields, with fragments and variables replaced. Raises ValueError."""
    return _Parser(text, variables).document()


class _Parser:
    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens = list(_tokens(text))
        self._variables = variables
        self._declared: set[str] = set()
        self._place = 0

    def document(self) -> tuple[str, list[Field]]:
        name, found, fragments = "", [Field("")], dict[str, list[Field]]()
        while self._place < len(self._tokens):
            kind = self._next()
            if kind == "query":
                name = self._next()
                self._declarations()
                found = self._selection()
            elif kind == "fragment":
                fragment = self._next()
                self._place += 2  # on Type
                fragments[fragment] = self._selection()
            else:
                raise ValueError(f"syntax error, unexpected {kind}")
        if unknown := set(self._variables) - self._declared:
            raise ValueError(f"Variable {unknown} is not declared")
        return name, _inlined(found, fragments)

    def _declarations(self) -> None:
        if self._peek() != "(":
            return
        self._next()
        while (token := self._next()) != ")":
            if token == "$":
                self._declared.add(self._next())

    def _selection(self) -> list[Field]:
        self._expect("{")
        found = []
        while (token := self._next()) != "}":
            if token == "...":
                found.append(Field(f"...{self._next()}"))
                continue
            selected = Field(token)
            if self._peek() == "(":
                selected.arguments = self._arguments()
            if self._peek() == "{":
                selected.selected = self._selection()
            found.append(selected)
        return found

    def _arguments(self) -> dict[str, Any]:
        self._expect("(")
        found = {}
        while (name := self._next()) != ")":
            self._expect(":")
            found[name] = self._value()
        return found

    def _value(self) -> Any:
        token = self._next()
        if token == "$":
            name = self._next()
            if name not in self._declared:
                raise ValueError(f"Variable ${name} is not declared")
            return self._variables.get(name)
        if re.fullmatch(r"-?\d+", token):
            return int(token)
        return _WORDS.get(token, token.strip('"'))

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _next(self) -> str:
        self._place += 1
        if self._place > len(self._tokens):
            raise ValueError("syntax error, unexpected end of file")
        return self._tokens[self._place - 1]

    def _expect(self, token: str) -> None:
        if (found := self._next()) != token:
            raise ValueError(f"syntax error, unexpected {found}")


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ValueError(f"syntax error at {text[place : place + 10]!r}")
        place = found.end()
        if found[1]:
            yield found[1]


def _inlined(fields: list[Field], fragments: Mapping[str, list[Field]]) -> list[Field]:
    found: list[Field] = []
    for each in fields:
        if each.name.startswith("..."):
            found += _inlined(fragments[each.name[3:]], fragments)
        else:
            found.append(Field(each.name, each.arguments, _inlined(each.selected, fragments)))
    return found
