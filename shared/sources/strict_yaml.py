"""A YAML loader that rejects duplicate keys, which YAML otherwise accepts."""

from __future__ import annotations

from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):  # type: ignore[misc] # yaml comes without types
    """Loads plain values only, and rejects duplicate keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping. Raises ConstructorError that names a duplicate key."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                problem = f"the key {key.value!r} is there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found
