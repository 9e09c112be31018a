"""YAML in which a key that stands twice is an error, as it is in every other file of settings."""

from __future__ import annotations

from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):  # type: ignore[misc] # yaml comes without types
    """Plain values only, every key once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping. Raises ConstructorError that names the key."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                problem = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found
