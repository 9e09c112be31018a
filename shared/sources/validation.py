"""Says what is wrong with a YAML file that does not fit its model: a line for every error, with what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from shared.sources.yaml_file import KeyPath, YamlFile

_TAGS = {"int", "str", "bool", "float"}
"""The alternatives of a value, which pydantic names in the path of a key."""
_OF_KINDS = {"auth", "pagination"}
"""Keys whose alternatives have a `kind`, which pydantic names after them."""


def wrong_at(where: KeyPath, reason: str) -> PydanticCustomError:
    """An error of a validator about a key below the one that it validates."""
    return PydanticCustomError("wrong_at", "{reason}", {"reason": reason, "where": where})


def report(
    file: YamlFile, error: ValidationError, model: type[BaseModel], at: KeyPath = (), unnamed: Collection[str] = ()
) -> str:
    """What is wrong with the part of a file at a path, as lines of `path:line: key: what is wrong`.

    `unnamed`: keys of the model that are not to be suggested, because they cannot be used in this file.
    """
    faults = set()
    for fault in error.errors():
        own = (*_keys_in(fault["loc"]), *fault.get("ctx", {}).get("where", ()))
        key = ".".join(str(part) for part in (*at, *own))
        reason = _reason(fault, own, model, unnamed)
        faults.add((file.line((*at, *own)), f"{key}: {reason}." if key else f"{reason}."))
    return "\n".join(f"{file.path}:{line}: {message}" for line, message in sorted(faults))


def suggestion(given: str, allowed: Sequence[str]) -> str:
    """` Did you mean …? Allowed: …`, as far as there is something to suggest."""
    near = difflib.get_close_matches(given, allowed, n=1)
    listed = ", ".join(each if re.fullmatch(r"[\w.]+", each) else repr(each) for each in allowed)
    return (f" Did you mean {near[0]}?" if near else "") + (f" Allowed: {listed}" if allowed else "")


def _keys_in(location: Sequence[int | str]) -> KeyPath:
    """The keys in pydantic's location of an error, without the alternatives that it tried."""
    return tuple(part for before, part in zip(("", *location), location, strict=False) if not _is_choice(part, before))


def _is_choice(part: int | str, before: int | str) -> bool:
    if not isinstance(part, str):
        return False
    return before in _OF_KINDS or part in _TAGS or part.startswith(("(", "[", "tuple[", "constrained-"))


def _reason(fault: Any, where: KeyPath, model: type[BaseModel], unnamed: Collection[str]) -> str:
    kind, given = fault["type"], fault.get("input")
    is_private = "connection" in where
    if kind == "extra_forbidden" or fault["loc"][-1:] == ("[key]",):
        allowed = [each for each in _keys(_type_at(model, where[:-1], fault["loc"])) if each not in unnamed]
        what = "key" if kind == "extra_forbidden" else "field"
        return (
            f"there is no such {what}." + suggestion(str(where[-1]), allowed) if allowed else f"there is no such {what}"
        )
    if kind == "missing":
        return "it is missing"
    if kind == "union_tag_invalid":
        return f"kind: {fault['ctx']['tag']!r} is not allowed." + suggestion(
            str(fault["ctx"]["tag"]), [str(each) for each in re.findall(r"'(\w+)'", fault["ctx"]["expected_tags"])]
        )
    if kind == "literal_error" and not is_private:
        return f"{given!r} is not allowed." + suggestion(str(given), _choices(_type_at(model, where, fault["loc"])))
    if kind == "string_type" and isinstance(given, bool | int | float | date):
        return f"YAML reads this as {given}, not as a text; put it in quotes"
    if kind in ("model_type", "dict_type", "mapping_type") and not is_private:
        return "it is empty" if given is None else f"{given!r:.60} is not a mapping of keys to values"
    if kind == "string_pattern_mismatch":
        # Below `connection` the value may be a secret that was written where its name belongs.
        return f"{'the name' if is_private else repr(given)} does not match {fault['ctx']['pattern']}"
    message = str(fault["msg"])
    if kind in ("value_error", "wrong_at"):
        return message.removeprefix("Value error, ")
    is_shown = isinstance(given, str | int | float) and not is_private
    return message[0].lower() + message[1:] + (f" (given: {given!r})" if is_shown else "")


def _type_at(model: Any, where: Iterable[int | str], tried: Collection[int | str]) -> Any:
    """The type of the value at a path; None where that depends on other keys.

    `tried`: pydantic's location of the error, in which alternatives are named by their `kind`.
    """
    found = model
    for part in where:
        found = _only(found, tried)
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = next((each.annotation for name, each in _fields(found) if name == part), None)
        elif issubclass(get_origin(found) or object, Mapping):
            found = get_args(found)[1]
        else:
            found = next(iter(get_args(found)), None)
    return _only(found, tried)


def _only(kind: Any, tried: Collection[int | str]) -> Any:
    """A type without what pydantic notes about it, and without None and the alternatives that were not tried."""
    while get_origin(kind) in (Annotated, Union, UnionType):
        choices = [each for each in get_args(kind) if each is not type(None)]
        if get_origin(kind) is not Annotated and len(choices) > 1:
            choices = [each for each in choices if _kinds(each) & {*tried}]
            if len(choices) != 1:
                return None
        kind = choices[0]
    return kind


def _kinds(kind: Any) -> set[str]:
    """What `kind` may be in a model, or in one of several."""
    if get_origin(kind) in (Annotated, Union, UnionType):
        return set().union(*map(_kinds, get_args(kind)))
    is_model = isinstance(kind, type) and issubclass(kind, BaseModel) and "kind" in kind.model_fields
    return {*_choices(kind.model_fields["kind"].annotation)} if is_model else set()


def _keys(kind: Any) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [name for name, _ in _fields(kind)]
    return _choices(get_args(kind)[0]) if issubclass(get_origin(kind) or object, Mapping) else []


def _fields(model: type[BaseModel]) -> list[tuple[str, Any]]:
    return [(each.alias or name, each) for name, each in model.model_fields.items()]


def _choices(kind: Any) -> list[str]:
    return [str(each) for each in get_args(kind)] if get_origin(kind) is Literal else []
