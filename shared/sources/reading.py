"""Reads `sources/<id>.yaml`. Every error names file, line, key and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from shared.errors import FixConfiguration
from shared.sources.definition import SourceDefinition
from shared.sources.references import EnvReference, find_text
from shared.sources.validation import report
from shared.sources.yaml_file import YamlFile, read_yaml


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
    file = read_yaml(path)
    if not isinstance(file.given, dict):
        raise FixConfiguration(f"{path}:1: a source is a mapping of keys to values, such as `id: {path.stem}`.")
    try:
        found = SourceDefinition.model_validate(_with_mapping(file, _resolved(file, environ)))
    except ValidationError as error:
        raise FixConfiguration(report(file, error, SourceDefinition)) from error
    if found.id != path.stem:
        raise FixConfiguration(
            f"{file.place(('id',))}: id: it is {found.id!r}, but the file is named {path.name}."
            " The two have to be the same; change one of them."
        )
    return found.read_from(path)


def _with_mapping(file: YamlFile, given: dict[str, Any]) -> dict[str, Any]:
    """The definition with the mapping that is in a file of its own, so that the digest depends on it."""
    name = given.get("mapping_file")
    if not isinstance(name, str):
        return given
    where = file.place(("mapping_file",))
    if given.get("mapping") is not None:
        raise FixConfiguration(f"{where}: mapping_file: there is a `mapping` as well; remove one of them.")
    inner = PurePosixPath(name)
    if inner.is_absolute() or ".." in inner.parts or len(inner.parts) < 2:
        raise FixConfiguration(
            f"{where}: mapping_file: {name!r} is not a file in a folder next to the definition; an example is"
            " mappings/till.yaml. The folder itself has definitions only."
        )
    mapping = read_yaml(file.path.parent / inner).given
    if not isinstance(mapping, dict):
        raise FixConfiguration(f"{file.path.parent / inner}:1: a mapping is keys with values (docs/FILES.md).")
    return {**given, "mapping": mapping}


def _resolved(file: YamlFile, environ: Mapping[str, str]) -> dict[str, Any]:
    found = dict(file.given)
    for key, value in file.given.items():
        if key != "connection" and isinstance(value, dict) and "env" in value:
            try:
                found[key] = find_text(EnvReference.model_validate(value), environ)
            except ValidationError:
                continue  # its place is where a text is expected, which the error says
            if found[key] is None:
                raise FixConfiguration(
                    f"{file.place((key,))}: {key}: {value['env']} is not set. Set it in .env or the"
                    " environment, or give the reference a default."
                )
    return found
