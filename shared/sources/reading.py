"""Reads `sources/<id>.yaml`. Every error names file, line, key and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from shared.errors import FixConfiguration
from shared.sources.definition import AUTH_KINDS, SourceDefinition
from shared.sources.references import EnvReference, find_text
from shared.sources.strict_yaml import StrictLoader

KeyPath = tuple[int | str, ...]


def read_definition(path: Path, environ: Mapping[str, str]) -> SourceDefinition:
    """The definition in that file; `{env: …}` outside `connection` is replaced by its value.

    Raises FixConfiguration with every error of the file, and nothing else: one file never stops another source.
    """
    try:
        found = _read(path, environ)
        found.digest  # noqa: B018 - a mapping can hold what cannot be written as JSON
    except FixConfiguration:
        raise
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FixConfiguration(f"{path}: it cannot be read: {reason}.") from error
    return found


def _read(path: Path, environ: Mapping[str, str]) -> SourceDefinition:
    try:
        loader = StrictLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        given = None if node is None else loader.construct_document(node)
        lines = _lines(node)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FixConfiguration(f"{path} cannot be read: {reason}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = "" if isinstance(error, yaml.constructor.ConstructorError) else "not valid YAML: "
        raise FixConfiguration(f"{path}{line}: {what}{getattr(error, 'problem', None) or error}.") from error
    if not isinstance(given, dict):
        raise FixConfiguration(f"{path}:1: a source is a mapping of keys to values, such as `id: {path.stem}`.")
    try:
        found = SourceDefinition.model_validate(_resolved(path, given, lines, environ))
    except ValidationError as error:
        raise FixConfiguration(_report(path, lines, error, SourceDefinition, ())) from error
    if found.id != path.stem:
        raise FixConfiguration(
            f"{path}:{lines.get(('id',), 1)}: id: it is {found.id!r}, but the file is named {path.name}."
            " The two have to be the same; change one of them."
        )
    return found


def line_of(path: Path, key: KeyPath) -> int:
    """The line of a key in the file, or of the innermost key around it that is there; 1 when there is none."""
    return _nearest_line(_lines_of(path), key)


def report_part(path: Path, key: str, error: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong with a part of a definition that another module validates: a line for every error."""
    return _report(path, _lines_of(path), error, model, (key,))


def _lines_of(path: Path) -> dict[KeyPath, int]:
    try:
        return _lines(yaml.compose(path.read_text(encoding="utf-8"), StrictLoader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}


def _report(
    path: Path, lines: Mapping[KeyPath, int], error: ValidationError, model: type[BaseModel], prefix: KeyPath
) -> str:
    faults = sorted({_described(fault, lines, model, prefix) for fault in error.errors()})
    return "\n".join(f"{path}:{line}: {message}" for line, message in faults)


def _nearest_line(lines: Mapping[KeyPath, int], key: KeyPath) -> int:
    while key not in lines and key:
        key = key[:-1]
    return lines.get(key, 1)


def _resolved(
    path: Path, given: dict[str, Any], lines: Mapping[KeyPath, int], environ: Mapping[str, str]
) -> dict[str, Any]:
    found = dict(given)
    for key, value in given.items():
        if key != "connection" and isinstance(value, dict) and "env" in value:
            try:
                found[key] = find_text(EnvReference.model_validate(value), environ)
            except ValidationError:
                continue  # its place is where a text is expected, which the error says
            if found[key] is None:
                raise FixConfiguration(
                    f"{path}:{lines.get((key,), 1)}: {key}: {value['env']} is not set. Set it in .env or the"
                    " environment, or give the reference a default."
                )
    return found


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


def _described(fault: Any, lines: Mapping[KeyPath, int], model: type[BaseModel], prefix: KeyPath) -> tuple[int, str]:
    """The line of a fault, and a sentence about it."""
    own = tuple(part for part in fault["loc"] if not _is_choice(part))
    where = (*prefix, *own)
    key = ".".join(str(part) for part in where)
    return _nearest_line(lines, where), f"{key}: {_reason(fault, own, model)}."


def _is_choice(part: int | str) -> bool:
    """Whether a part of pydantic's location names the alternative that it tried, not a key."""
    return isinstance(part, str) and (part in AUTH_KINDS or part.startswith(("(", "[")))


def _reason(fault: Any, where: KeyPath, model: type[BaseModel]) -> str:
    if fault["type"] == "extra_forbidden":
        allowed = _keys_at(model, where[:-1])
        near = difflib.get_close_matches(str(where[-1]), allowed, n=1)
        hint = f"; did you mean {near[0]}?" if near else "." if allowed else ""
        return f"there is no such key{hint}" + (f" Allowed: {', '.join(allowed)}" if allowed else "")
    if fault["type"] == "missing":
        return "it is missing"
    if fault["type"] == "union_tag_invalid":
        return f"kind: {fault['ctx']['tag']!r} is not allowed; allowed: {', '.join(AUTH_KINDS)}"
    if fault["type"] == "string_type" and isinstance(fault["input"], bool | int | float | date):
        return f"YAML reads this as {fault['input']}, not as a text; put it in quotes"
    if fault["type"] == "string_pattern_mismatch":
        # Below `connection` the value may be a secret that was written where its name belongs.
        given = "the name" if "connection" in where else repr(fault["input"])
        return f"{given} does not match {fault['ctx']['pattern']}"
    message = str(fault["msg"]).removeprefix("Value error, ")
    given = fault.get("input")
    is_shown = fault["type"] != "value_error" and isinstance(given, str | int | float) and "connection" not in where
    shown = f" (given: {given!r})" if is_shown else ""
    return message[0].lower() + message[1:] + shown


def _keys_at(root: type[BaseModel], where: Sequence[int | str]) -> list[str]:
    """The keys that a definition allows at a path; empty where that depends on other keys."""
    model: Any = root
    for part in where:
        annotation = model.model_fields[part].annotation if _is_model(model) and part in model.model_fields else None
        model = next((each for each in (annotation, *get_args(annotation)) if _is_model(each)), None)
    return list(model.model_fields) if _is_model(model) else []


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)
