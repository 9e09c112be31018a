"""Reads a YAML file that a user wrote, with the line of every key. Used for definitions and for layouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.errors import FixConfiguration
from shared.regular_files import read_text
from shared.sources.strict_yaml import MOST_BYTES, StrictLoader

KeyPath = tuple[int | str, ...]


@dataclass(frozen=True)
class YamlFile:
    """What a file says, and where."""

    path: Path
    given: Any
    lines: Mapping[KeyPath, int]

    def place(self, key: KeyPath = ()) -> str:
        """`path:line` of a key, or of the innermost key around it that is there."""
        return f"{self.path}:{self.line(key)}"

    def line(self, key: KeyPath) -> int:
        """The line of a key, from 1."""
        while key not in self.lines and key:
            key = key[:-1]
        return self.lines.get(key, 1)


def read_yaml(path: Path) -> YamlFile:
    """The content of the file. Raises FixConfiguration when it cannot be read or is not YAML."""
    try:
        loader = StrictLoader(_text(path))
        node = loader.get_single_node()
        given = None if node is None else loader.construct_document(node)
        return YamlFile(path, given, _lines(node))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FixConfiguration(f"{path} cannot be read: {reason}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = "" if isinstance(error, yaml.constructor.ConstructorError) else "not valid YAML: "
        raise FixConfiguration(f"{path}{line}: {what}{getattr(error, 'problem', None) or error}.") from error


def _text(path: Path) -> str:
    """The text of a file. Raises FixConfiguration for one that is too large."""
    text = read_text(path)
    if len(text.encode()) > MOST_BYTES:
        raise FixConfiguration(f"{path} has more than {MOST_BYTES // 1024} KB, which no layout or definition needs.")
    return text


def _lines(node: yaml.Node | None, at: KeyPath = (), above: tuple[int, ...] = ()) -> dict[KeyPath, int]:
    """The line of every key and item, by its path."""
    if node is None or id(node) in above:  # an alias may contain itself
        return {}
    found = {at: node.start_mark.line + 1}
    above = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                found |= _lines(value, (*at, key.value), above)
                found[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            found |= _lines(value, (*at, number), above)
    return found
