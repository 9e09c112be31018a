"""Reads `sources/<id>.yaml`. Every error names file, line, key and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shared.errors import FixConfiguration
from shared.sources.databases import with_query_of_file
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
        found = SourceDefinition.model_validate(_resolved(file, environ))
    except ValidationError as error:
        raise FixConfiguration(report(file, error, SourceDefinition)) from error
    if found.id != path.stem:
        raise FixConfiguration(
            f"{file.place(('id',))}: id: it is {found.id!r}, but the file is named {path.name}."
            " The two have to be the same; change one of them."
        )
    return found


def _resolved(file: YamlFile, environ: Mapping[str, str]) -> dict[str, Any]:
    found = dict(file.given)
    if "read" in found:
        found["read"] = with_query_of_file(file)
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
