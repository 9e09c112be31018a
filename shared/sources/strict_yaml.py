"""A YAML loader that rejects duplicate keys, and dates that no calendar has."""

from __future__ import annotations

from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):  # type: ignore[misc] # yaml comes without types
    """Loads plain values only. Raises ConstructorError, which has the line, for everything that is wrong."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping. Its keys are texts, and none is there twice."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error("a key must be a text", key)
            if key.value in seen:
                raise _error(f"the key {key.value!r} is there twice", key)
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found

    def construct_date(self, node: Any) -> Any:
        """Build a date or a time."""
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError as error:
            raise _error(f"{node.value!r} is not a date", node) from error


StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", StrictLoader.construct_date)


def _error(problem: str, node: Any) -> Exception:
    error: Exception = yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return error
