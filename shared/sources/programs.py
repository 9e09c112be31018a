"""The parts of a definition that only sources behind another program have (docs/connectors/singer.md, dlt.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from shared.sources.parts import Part
from shared.sources.references import EnvReference, Reference, SecretReference, find_text, references_in
from shared.sources.request_templates import OF_CHANGES, OF_DATE, check_template, names_in
from shared.sources.validation import wrong_at
from shared.sources.yaml_file import KeyPath
from shared.urls import has_credentials

SINGER = "singer"
DLT = "dlt"
PROGRAMS = (SINGER, DLT)
"""The connectors that start another program and read what it prints."""
WITH_DATABASES = ("date_column", "times_without_zone", "changed_by", "late_commit_margin")
"""The keys of `read` that these sources share with databases."""
_SECRET_KEY = re.compile(
    r"(?:^|[_-])(?:password|passwd|secret|token|api[_-]?key|private[_-]?key|passphrase)$", re.IGNORECASE
)
_OPEN, _CLOSE = ("{", "{{"), ("}", "}}")


def _parsed(given: Mapping[str, Any], allowed: Iterable[str]) -> Mapping[str, Any]:
    """The same with references as such. Raises an error at the key that is wrong."""
    return {key: _value(value, (key,), tuple(allowed)) for key, value in given.items()}


def _value(given: Any, at: KeyPath, allowed: tuple[str, ...]) -> Any:
    if isinstance(given, Mapping):
        if "env" in given or "secret" in given:
            return _reference(given, at)
        return {key: _value(value, (*at, key), allowed) for key, value in given.items()}
    if isinstance(given, list | tuple):
        return [_value(value, (*at, number), allowed) for number, value in enumerate(given)]
    if isinstance(given, date):  # what YAML makes of 2024-01-15; JSON has no dates
        return given.isoformat()
    return _text(given, at, allowed) if isinstance(given, str) else given


def _reference(given: Mapping[str, Any], at: KeyPath) -> Reference:
    kind = EnvReference if "env" in given else SecretReference
    try:
        return kind.model_validate(given)
    except ValidationError:
        raise wrong_at(at, "it is neither `{env: NAME}` nor `{secret: NAME}`, with a name such as SHOP_TOKEN") from None


def _text(given: str, at: KeyPath, allowed: tuple[str, ...]) -> str:
    if isinstance(at[-1], str) and _SECRET_KEY.search(at[-1]) and given:
        raise wrong_at(at, "a definition contains no credentials; write `{secret: NAME}`")
    if has_credentials(given):
        raise wrong_at(at, "an address with a user or password in it has to be `{secret: NAME}`")
    try:
        return check_template(given, allowed)
    except ValueError as error:
        raise wrong_at(at, str(error)) from None


def _of_date(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return _parsed(given, OF_DATE)


def _of_changes(given: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _parsed(given, OF_CHANGES)
    if any(references_in(found)):
        raise ValueError("a reference has to be in connection.config")
    return found


Config = Annotated[Mapping[str, Any], AfterValidator(_of_date)]
"""The configuration of a program, with `{day}` and references in it."""
Line = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ChangedRecords(Part):
    """How the program lists the records that changed."""

    config: Annotated[Mapping[str, Any], AfterValidator(_of_changes)] = Field(
        default={}, description="Keys that take the place of those of connection.config; null leaves one out"
    )
    state: Annotated[Mapping[str, Any], AfterValidator(_of_changes)] | None = Field(
        default=None, description="Only for singer: the STATE at which the tap begins, with {since} in it"
    )


class ProgramRead(Part):
    """What is read from a program. The keys are null for other sources."""

    stream: Line | None = Field(default=None, description="The stream of the tap, or the resource of the dlt source")
    function: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] | None = Field(
        default=None, description="Only for dlt: module:function that returns the source or the resource"
    )
    catalog: Literal["discover", "none"] | None = Field(
        default=None, description="Only for singer: discover (the default), or none for a tap that takes no catalog"
    )
    replication_key: Line | None = Field(
        default=None, description="Only for singer: select the stream as INCREMENTAL by this key, not as FULL_TABLE"
    )
    changes: ChangedRecords | None = Field(default=None, description="How the program lists what changed")


def program_faults(connector: str, read: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with the keys of a connector's `read`: key, and reason."""
    given = [name for name in ProgramRead.model_fields if getattr(read, name) is not None]
    if connector not in PROGRAMS:
        for name in given:
            yield name, f"`{name}` is only for {', '.join(PROGRAMS)}"
        return
    if read.stream is None:
        yield "stream", "it is missing: which of the program's streams has the sales?"
    if connector == DLT and read.function is None:
        yield "function", "it is missing; an example is dlt.sources.rest_api:rest_api_source"
    only = ("catalog", "replication_key") if connector == DLT else ("function",)
    for name in only:
        if getattr(read, name) is not None:
            yield name, f"it is only for `connector: {SINGER if connector == DLT else DLT}`"
    changes = read.changes
    if connector == DLT and changes is not None and changes.state is not None:
        yield "changes", "`state` is only for `connector: singer`"
    for name in ("changes", "changed_by"):
        if getattr(read, name) is not None and read.date_column is None:
            yield name, "it needs `date_column`, which says to which business date a changed record belongs"
    if changes is not None and not changes.config and not changes.state:
        yield "changes", "it says nothing; give `config` or `state`, or leave it out"


def program_connection_faults(connector: str, connection: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with the `connection` of such a source, or of another one: key, and reason."""
    if connector not in PROGRAMS:
        for name in ("command", "config", "environment"):
            if getattr(connection, name) is not None:
                yield name, f"`{name}` is only for {', '.join(PROGRAMS)}"
        return
    if not connection.command:
        yield "command", "it is missing; an example is [/opt/taps/tap-shop/bin/tap-shop]"
    elif any(isinstance(each, SecretReference) for each in connection.command):
        yield "command", "every user of the machine can see it; give the secret in `config` or `environment`"
    for name in ("url", "location", "host_key", "auth"):
        if getattr(connection, name) is not None:
            yield name, "a program gets its address and its credentials in `config` or `environment`"


def is_by_date(config: Any) -> bool:
    """Whether anything in a configuration depends on the business date."""
    return any(names_in(text) for text in texts_in(config))


def texts_in(value: Any) -> Iterator[str]:
    """Every text of a configuration that is not a reference."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)


def with_values(value: Any, environ: Mapping[str, str]) -> Any:
    """A configuration with the values of its references, in which a brace is doubled: its texts are templates."""

    def resolved(given: Any) -> Any:
        if isinstance(given, EnvReference | SecretReference):
            return (find_text(given, environ) or "").replace(*_OPEN).replace(*_CLOSE)
        return given

    return mapped(value, resolved)


def mapped(value: Any, function: Callable[[Any], Any]) -> Any:
    """The same with every value that is neither a mapping nor a list replaced by what the function makes of it."""
    if isinstance(value, Mapping):
        return {key: mapped(each, function) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [mapped(each, function) for each in value]
    return function(value)
