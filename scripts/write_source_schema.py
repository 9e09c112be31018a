"""Write sources/source.schema.json, by which editors check and complete definitions: `make settings`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.sources.connection import FILES
from shared.sources.databases import DATABASES
from shared.sources.definition import MAPPED, REST, SourceDefinition
from shared.sources.programs import PROGRAMS
from shared.sources.references import EnvReference

PATH = Path(__file__).resolve().parent.parent / "sources" / "source.schema.json"
_TEXTS = ("name", "country", "time_zone", "start_date", "enabled", "schedule")
"""The keys outside `connection` whose value may be `{env: …}`."""


def main() -> None:
    """Write the file."""
    PATH.write_text(schema_text(), encoding="utf-8")
    print(f"{PATH.relative_to(PATH.parent.parent)} written")


def schema_text() -> str:
    """The schema as JSON."""
    schema: dict[str, Any] = SourceDefinition.model_json_schema()
    schema["$defs"].setdefault("EnvReference", EnvReference.model_json_schema())
    for name in _TEXTS:
        own = schema["properties"][name]
        described = {key: own.pop(key) for key in ("default", "description", "title") if key in own}
        schema["properties"][name] = {"anyOf": [own, {"$ref": "#/$defs/EnvReference"}], **described}
    has_mapping, has_connection = {"anyOf": [_with("mapping"), _with("mapping_file")]}, _with("connection")
    no_command = {"not": _with("command")}
    schema["allOf"] = [
        _for(MAPPED, has_mapping, {"not": has_mapping}),
        _for((FILES,), _connected_by("location", "url"), has_connection),
        _for((FILES, *PROGRAMS), {}, _connected_by("url", "location")),
        _for(
            PROGRAMS, {**_connected_by("command", "url"), **_with("read")}, {"properties": {"connection": no_command}}
        ),
        _for((REST,), _with("api"), {"not": _with("api")}),
        _for(DATABASES, _with("read"), {}),
    ]
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _with(key: str) -> dict[str, Any]:
    return {"required": [key]}


def _connected_by(key: str, other: str) -> dict[str, Any]:
    return {"properties": {"connection": {**_with(key), "not": _with(other)}}}


def _for(connectors: tuple[str, ...], then: dict[str, Any], otherwise: dict[str, Any]) -> dict[str, Any]:
    """What holds for these connectors, and for the others."""
    chosen = {"properties": {"connector": {"enum": list(connectors)}}, "required": ["connector"]}
    return {"if": chosen, "then": then, "else": otherwise}


if __name__ == "__main__":
    main()
