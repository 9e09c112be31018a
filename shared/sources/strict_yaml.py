"""A YAML loader that accepts plain values only, and only as many as a user writes."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

MOST_BYTES = 256 * 1024
"""The largest file. The largest layout that comes with the platform has 3 KB."""
MOST_LEVELS = 20
MOST_VALUES = 20_000
"""Keys and values of a file. An alias counts as everything that it repeats, so a few lines cannot become gigabytes."""
_TAG = "tag:yaml.org,2002:"
_TAGS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")}
_LARGEST = 10**40 - 1
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


class StrictLoader(yaml.SafeLoader):  # type: ignore[misc] # yaml comes without types
    """Loads plain values only. Raises ConstructorError, which has the line, for everything that is wrong."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._level = self._values = 0
        self._sizes: dict[int, int] = {}
        """Of each complete node by its identity: how many values it has, those that aliases repeat included."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Read a node and what is below it. Counts levels and values."""
        before, is_alias = self._values, self.check_event(yaml.AliasEvent)
        self._level += 1
        node = super().compose_node(parent, index)
        self._level -= 1
        if is_alias and id(node) not in self._sizes:
            raise _error("an alias is inside what it repeats", node)
        self._values += self._sizes[id(node)] if is_alias else 1
        if self._values > MOST_VALUES:
            raise _error(f"the file has more than {MOST_VALUES:,} values, with those that aliases repeat", node)
        self._sizes[id(node)] = self._values - before
        return node

    def compose_sequence_node(self, anchor: Any) -> Any:
        """Read a list."""
        self._check_level()
        return super().compose_sequence_node(anchor)

    def compose_mapping_node(self, anchor: Any) -> Any:
        """Read a mapping. Its keys are texts, and none is there twice in what the user wrote.

        PyYAML later adds the keys that `<<` merges to this node, where they may be there twice.
        """
        self._check_level()
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error("a key must be a text", key)
            if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
                raise _error(
                    f"YAML reads the key {key.value!r:.60} as another value than a text; put it in quotes", key
                )
            if key.value in seen:
                raise _error(f"the key {key.value!r} is there twice", key)
            seen.add(key.value)
        return node

    def _check_level(self) -> None:
        if self._level > MOST_LEVELS:
            raise _error(f"values are nested more than {MOST_LEVELS} levels deep", self.peek_event())

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Build a value. It is a text, a finite number, a date, a truth value, nothing, a list or a mapping."""
        if node.tag not in _TAGS:
            raise _error(f"a value cannot have the tag {node.tag.replace(_TAG, '!!')}", node)
        try:
            value = super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError, TypeError, OverflowError, IndexError) as error:
            kind = {"timestamp": "a date"}.get(node.tag.removeprefix(_TAG), "a value that can be read")
            raise _error(f"{node.value!r:.60} is not {kind}", node) from error
        if (isinstance(value, float) and not math.isfinite(value)) or (
            isinstance(value, int) and abs(value) > _LARGEST
        ):
            raise _error(f"{node.value!r:.60} is not a finite number of at most {len(str(_LARGEST))} digits", node)
        if isinstance(value, str) and _NOT_TEXT.search(value):
            raise _error("a text has a character that is not one", node)
        return value


def _error(problem: str, place: Any) -> Exception:
    error: Exception = yaml.constructor.ConstructorError(None, None, problem, place.start_mark)
    return error
