"""Write sources/source.schema.json, by which editors check and complete definitions: `make settings`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.sources.definition import FILES, REST, SourceDefinition
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
    mapped = {"anyOf": [{"required": ["mapping"]}, {"required": ["mapping_file"]}]}
    schema |= _if_connector(
        FILES,
        {**mapped, **_without("connection", "api")},
        {
            "required": ["connection"],
            **_if_connector(REST, {"required": ["api"], **mapped}, _without("api", "mapping", "mapping_file")),
        },
    )
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _if_connector(name: str, then: dict[str, Any], otherwise: dict[str, Any]) -> dict[str, Any]:
    condition = {"properties": {"connector": {"const": name}}, "required": ["connector"]}
    return {"if": condition, "then": then, "else": otherwise}


def _without(*keys: str) -> dict[str, Any]:
    return {"not": {"anyOf": [{"required": [key]} for key in keys]}}


if __name__ == "__main__":
    main()
