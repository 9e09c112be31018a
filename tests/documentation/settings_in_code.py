"""Which environment variables the code and the compose files read, and with which defaults, found by reading them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from local_stack.credentials import MAKERS
from local_stack.environment import PASSED_ON, pipeline_environment
from local_stack.ports import SETTINGS as PORT_SETTINGS
from local_stack.ports import USUAL
from shared.config import PROJECT_ROOT, SECTIONS, Settings, known_names
from shared.sources.variables import variables_in
from tests import shipped_sources

SOURCES = (
    *("airflow", "cli", "data_quality", "docker", "ingestion", "local_stack", "maintenance", "materialized_views"),
    *("monitoring", "pipeline", "retailers", "scripts", "shared", "transformation"),
)
VENDOR_SETTINGS = PROJECT_ROOT / "retailers" / "serving" / "settings.py"
FOREIGN = {
    *("HOME", "PATH", "XDG_STATE_HOME", "TZDIR", "TMPDIR", "NPM_CONFIG_CACHE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"),
    *("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_DAG_RUN_ID", "AIRFLOW__API__BASE_URL"),
    *("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "COMPOSE_PROFILES", "DOCKER_HOST"),
    *("CONTENT_LENGTH", "PATH_INFO", "QUERY_STRING", "RAW_URI", "REQUEST_METHOD", "REQUEST_URI"),
}
"""Set by the operating system, other tools, Airflow itself, docker-compose, or a web server for each request."""
_NAME = re.compile(r"[A-Z][A-Z0-9]*(__?[A-Z0-9]+)*")
_ENVIRONMENT = re.compile(r"os|(.+\.)?_?(environ|environment|env|shell|pipeline)|read_environment\(.*\)")
_REFERENCE = re.compile(r"(?<!\$)\$\{(?P<name>[A-Z][A-Z0-9_]*)(?::?(?P<operator>[-?])(?P<value>[^}]*))?\}")


@dataclass(frozen=True)
class Read:
    """One place that reads a variable; `default` is None where the place has none."""

    name: str
    path: str
    default: str | None = None


def reads_in_python() -> list[Read]:
    """Every variable that a program reads by its name."""
    found = []
    for folder in SOURCES:
        for path in sorted((PROJECT_ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [
                Read(name, str(path.relative_to(PROJECT_ROOT)), default)
                for name, default in _read_in(tree, is_vendor=path == VENDOR_SETTINGS)
                if name not in FOREIGN
            ]
    return found


def reads_in_compose_files() -> list[Read]:
    """Every variable that docker-compose puts into the compose files."""
    paths = [PROJECT_ROOT / "docker-compose.yml", *sorted((PROJECT_ROOT / "docker" / "compose").glob("*.yml"))]
    return [
        Read(each["name"], path.name, each["value"] if each["operator"] == "-" else None)
        for path in paths
        for each in _REFERENCE.finditer(path.read_text(encoding="utf-8"))
    ]


def defaults_in_settings() -> list[Read]:
    """The defaults of `shared.config.Settings`."""
    found = [Read("BUSINESS_TIMEZONE", "shared/config.py", Settings.model_fields["business_timezone"].default)]
    for section, names in SECTIONS.items():
        model = _model_in(Settings.model_fields[section].annotation)
        for field, name in names.items():
            default = model.model_fields[field].default
            has_none = default is None or default is PydanticUndefined
            found.append(Read(name, "shared/config.py", None if has_none else str(default)))
    return found


def names_used() -> set[str]:
    """Every variable that something reads or sets."""
    compose, makefile = ((PROJECT_ROOT / name).read_text("utf-8") for name in ("docker-compose.yml", "Makefile"))
    set_in_compose = re.findall(r"^ +((?!AIRFLOW__)[A-Z][A-Z0-9_]*): ", compose, re.MULTILINE)
    set_in_make = re.findall(r"^([A-Z]+) \?=", makefile, re.MULTILINE)
    own = {name for name in PASSED_ON if name.upper() not in FOREIGN} | {"COMPOSE_FILE"}  # docker-compose reads it
    read = {each.name for each in [*reads_in_python(), *reads_in_compose_files()]}
    read |= set(variables_in(shipped_sources.DIRECTORY))
    return read | known_names() | own | set(PORT_SETTINGS.values()) | written_names() | {*set_in_compose, *set_in_make}


def vendor_names() -> set[str]:
    """`RETAILER_…` variables that a retailer's API reads."""
    tree = ast.parse(VENDOR_SETTINGS.read_text(encoding="utf-8"))
    return {name for name, _ in _read_in(tree, is_vendor=True) if name.startswith("RETAILER_")}


def written_names() -> set[str]:
    """Variables that `make up` writes to `.local/env`."""
    ports = dict.fromkeys(USUAL, 1)
    return set(pipeline_environment(ports, dict.fromkeys(MAKERS, "secret"), {}))


def _model_in(annotation: object) -> type[BaseModel]:
    options = [annotation, *getattr(annotation, "__args__", ())]
    return next(each for each in options if isinstance(each, type) and issubclass(each, BaseModel))


def _read_in(tree: ast.AST, *, is_vendor: bool) -> Iterator[tuple[str, str | None]]:
    alternatives = {
        id(node.values[0]): _text(node.values[1])
        for node in ast.walk(tree)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute):
            is_read = node.func.attr in ("get", "getenv", "pop") and _is_environment(node.func.value)
            if is_read or (is_vendor and node.func.attr in ("text", "required", "parsed")):
                default = _text(node.args[1]) if len(node.args) > 1 else alternatives.get(id(node))
                yield from ((name, default) for name in _name(node.args[0]))
        elif isinstance(node, ast.Subscript) and _is_environment(node.value) and isinstance(node.ctx, ast.Load):
            yield from ((name, None) for name in _name(node.slice))


def _is_environment(node: ast.expr) -> bool:
    return bool(_ENVIRONMENT.fullmatch(ast.unparse(node)))


def _text(node: ast.expr) -> str | None:
    return str(node.value) if isinstance(node, ast.Constant) and node.value is not None else None


def _name(node: ast.expr) -> Iterator[str]:
    text = _text(node)
    if text and _NAME.fullmatch(text):
        yield text
