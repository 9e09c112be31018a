"""Which environment variables the code reads, found by reading the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from local_stack.credentials import MAKERS
from local_stack.environment import PASSED_ON, pipeline_environment
from local_stack.ports import SETTINGS, USUAL
from scripts.environment_file.settings import KNOWN
from shared.config import PROJECT_ROOT, known_names

SOURCES = (
    *(
        "shared",
        "monitoring",
        "pipeline",
        "ingestion",
        "transformation",
        "data_quality",
        "materialized_views",
        "maintenance",
    ),
    *("local_stack", "airflow"),
)
VENDOR_SETTINGS = PROJECT_ROOT / "retailers" / "serving" / "settings.py"
NOT_OURS = {
    *("HOME", "PATH", "TZDIR", "TMPDIR", "NPM_CONFIG_CACHE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"),
    *("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_DAG_RUN_ID", "AIRFLOW__API__BASE_URL"),
    *("CONTENT_LENGTH", "PATH_INFO", "QUERY_STRING", "RAW_URI", "REQUEST_METHOD"),
}
"""Of the operating system, of other people's tools, of Airflow itself, and of a web server's request."""
_NAME = re.compile(r"[A-Z][A-Z0-9]*(__?[A-Z0-9]+)+")
_ENVIRONMENTS = {"environ", "environment", "env", "os.environ", "self.environ"}


def platform_names() -> set[str]:
    """Variables that a command, a stage or the local platform reads."""
    found = known_names() | set(SETTINGS.values()) | set(PASSED_ON)
    for folder in SOURCES:
        for path in (PROJECT_ROOT / folder).rglob("*.py"):
            found |= set(_read_in(path))
    return {name for name in found if name.upper() not in NOT_OURS}


def generated_names() -> set[str]:
    """Variables that `scripts/generate_env.py` writes to `.env`, most of them for docker-compose."""
    return set(KNOWN)


def vendor_names() -> set[str]:
    """`RETAILER_…` variables that a retailer's API reads."""
    return {name for name in _read_in(VENDOR_SETTINGS) if name.startswith("RETAILER_")}


def written_names() -> set[str]:
    """Variables that `make up` writes to `.local/env`."""
    ports = dict.fromkeys(USUAL, 1)
    return set(pipeline_environment(ports, dict.fromkeys(MAKERS, "secret"), {}))


def _read_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute):
            asked = node.func.attr in ("get", "getenv", "pop") and _is_environment(node.func.value)
            if asked or node.func.attr in ("text", "required", "parsed"):
                yield from _name(node.args[0])
        elif isinstance(node, ast.Subscript) and _is_environment(node.value) and isinstance(node.ctx, ast.Load):
            yield from _name(node.slice)


def _is_environment(node: ast.expr) -> bool:
    text = ast.unparse(node)
    return text in _ENVIRONMENTS or text == "os"


def _name(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
        yield node.value
