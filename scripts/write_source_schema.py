"""Write sources/source.schema.json, by which editors check and complete definitions: `make settings`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.sources.definition import FILES, SourceDefinition
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
    schema |= {
        "if": {"properties": {"connector": {"const": FILES}}, "required": ["connector"]},
        "then": {"required": ["mapping"], "properties": {"connection": _with("location", without="url")}},
        "else": {
            "required": ["connection"],
            "not": {"required": ["mapping"]},
            "properties": {"connection": _with("url", without="location")},
        },
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _with(key: str, *, without: str) -> dict[str, Any]:
    return {"required": [key], "not": {"required": [without]}}


if __name__ == "__main__":
    main()
