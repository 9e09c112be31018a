"""Reads `sources/<id>.yaml`. Every error names file, line, key and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from shared.errors import FixConfiguration
from shared.sources.definition import SourceDefinition
from shared.sources.references import EnvReference, find_text
from shared.sources.strict_yaml import StrictLoader

Path_ = tuple[int | str, ...]


def read_definition(path: Path, environ: Mapping[str, str]) -> SourceDefinition:
    """The definition in that file; `{env: …}` outside `connection` is replaced by its value.

    Raises FixConfiguration with every error of the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        lines = _lines(yaml.compose(text, StrictLoader))
        given = yaml.load(text, StrictLoader)  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FixConfiguration(f"{path} cannot be read: {reason}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise FixConfiguration(f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or error}.") from error
    if not isinstance(given, dict):
        raise FixConfiguration(f"{path}:1: a source is a mapping of keys to values, such as `id: {path.stem}`.")
    try:
        found = SourceDefinition.model_validate(_resolved(given, environ))
    except ValidationError as error:
        raise FixConfiguration(" ".join(_described(path, fault, lines) for fault in error.errors())) from error
    if found.id != path.stem:
        line = lines.get(("id",), 1)
        raise FixConfiguration(
            f"{path}:{line}: id: it is {found.id!r}, but the file is named {path.name}. Name the file {found.id}.yaml."
        )
    return found


def _resolved(given: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for key, value in given.items():
        if key != "connection" and isinstance(value, dict) and "env" in value:
            reference = EnvReference.model_validate(value)
            text = find_text(reference, environ)
            if text is None:
                raise FixConfiguration(f"{key}: {reference.env} is not set. Set it, or give the reference a default.")
            found[key] = text
        else:
            found[key] = value
    return found


def _lines(node: yaml.Node | None, at: Path_ = ()) -> dict[Path_, int]:
    """The line of every key and item, by its path."""
    if node is None:
        return {}
    found = {at: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found |= _lines(value, (*at, key.value))
            found[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            found |= _lines(value, (*at, number))
    return found


def _described(path: Path, fault: Any, lines: Mapping[Path_, int]) -> str:
    where = tuple(part for part in fault["loc"] if not _is_choice(part))
    known = where
    while known not in lines and known:
        known = known[:-1]
    key = ".".join(str(part) for part in where)
    return f"{path}:{lines.get(known, 1)}: {key}: {_reason(fault, where)}."


def _is_choice(part: int | str) -> bool:
    """Whether a part of pydantic's location names the alternative that it tried, not a key."""
    return isinstance(part, str) and (part in ("header", "oauth2", "hmac") or "[" in part or part.endswith("Reference"))


def _reason(fault: Any, where: Path_) -> str:
    if fault["type"] == "extra_forbidden":
        allowed = _keys_at(where[:-1])
        near = difflib.get_close_matches(str(where[-1]), allowed, n=1)
        return f"there is no such key{f'; did you mean {near[0]}?' if near else ''} Allowed: {', '.join(allowed)}"
    if fault["type"] == "missing":
        return "it is missing"
    message = str(fault["msg"]).removeprefix("Value error, ")
    given = fault.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float) and repr(given) not in message else ""
    return message[0].lower() + message[1:] + shown


def _keys_at(where: Sequence[int | str]) -> list[str]:
    """The keys that a definition allows at a path."""
    model: Any = SourceDefinition
    for part in where:
        field = model.model_fields.get(part) if isinstance(model, type) and issubclass(model, BaseModel) else None
        model = field.annotation if field else None
    if isinstance(model, type) and issubclass(model, BaseModel):
        return list(model.model_fields)
    return []
