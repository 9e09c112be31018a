"""Every message that the source can print, as patterns.

The patterns come from the strings and f-strings of the Python files, from what the functions of the warehouse raise,
and from the descriptions of the quality checks.
A part that is filled in at run time matches anything.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache

from shared.config import PROJECT_ROOT

SOURCES = (
    "shared",
    "monitoring",
    "pipeline",
    "airflow/plugins",
    "ingestion",
    "transformation",
    "data_quality",
    "maintenance",
    "materialized_views",
    "local_stack",
    "scripts",
    "retailers",
)
FEWEST_LITERAL_CHARACTERS = 14
"""A pattern with less literal text than this would match nearly anything."""


@cache
def patterns() -> tuple[re.Pattern[str], ...]:
    """One pattern per message, longest first."""
    found = {text for text in _templates() if len(text.replace("\0", "").strip()) >= FEWEST_LITERAL_CHARACTERS}
    return tuple(_pattern(text) for text in sorted(found, key=len, reverse=True))


def explains(line: str) -> re.Pattern[str] | None:
    """The pattern of the message that matches this printed line, or None if the source prints no such line."""
    return next((pattern for pattern in patterns() if pattern.search(line)), None)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(".*?".join(re.escape(piece) for piece in template.split("\0")), re.DOTALL)


def _templates() -> Iterator[str]:
    for folder in SOURCES:
        for path in sorted((PROJECT_ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(
                        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "\0"
                        for part in node.values
                    )
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
    for script in sorted((PROJECT_ROOT / "scripts").glob("*.sh")):
        yield from re.findall(r'"([^"$]{20,})"', script.read_text(encoding="utf-8"))
    for migration in sorted((PROJECT_ROOT / "database" / "migrations").glob("*.sql")):
        raised = re.findall(r"(?:RAISE EXCEPTION|HINT =) '([^']+)'", migration.read_text(encoding="utf-8"))
        yield from (message.replace("%", "\0") for message in raised)
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    yield from re.findall(r'echo "([^"]{20,})"', makefile)
    checks = tomllib.loads((PROJECT_ROOT / "data_quality" / "checks.toml").read_text(encoding="utf-8"))
    yield from (check["description"] for check in checks.values())
