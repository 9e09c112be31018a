"""Everything the documents refer to exists: links, files, make targets, modules, tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.config import PROJECT_ROOT
from tests.documentation.documents import anchors, code_spans, documents, fences, links, name_of, prose, read

NAMES = [name_of(path) for path in documents()]
PACKAGES = "|".join(
    (
        *("shared", "monitoring", "pipeline", "cli", "ingestion", "transformation", "data_quality"),
        *("materialized_views", "maintenance", "local_stack", "retailers"),
    )
)
TOP_LEVEL = {path.name for path in PROJECT_ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
_PATH = re.compile(r"[\w./-]+\.(?:py|sql|md|toml|sh|txt|yml|json)|[\w-]+(?:/[\w.-]+)*/")
_FOREIGN = ("node_modules/", "build/", "dist/")


def make_targets() -> set[str]:
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    broken = []
    for target in links(name):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        document = (PROJECT_ROOT / name).parent / path if path else PROJECT_ROOT / name
        if not document.exists() or (anchor and anchor not in anchors(name_of(document.resolve()))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_exists(name: str) -> None:
    commands = [*code_spans(name), *(fence.text for fence in fences(name))]
    named = {
        target
        for command in commands
        for target in re.findall(r"(?:^|[;&|] *|\s)make (?:[A-Z]+=\S+ )?([a-z][a-z0-9-]*)", command, flags=re.MULTILINE)
    }
    assert named - make_targets() == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_module_that_is_run_exists(name: str) -> None:
    named = set(
        re.findall(
            rf"python3? -m ((?:{PACKAGES})[\w.]*)",
            read(name),
        )
    )
    missing = {
        module
        for module in named
        if not (PROJECT_ROOT / (module.rstrip(".").replace(".", "/") + ".py")).is_file()
        and not (PROJECT_ROOT / module.replace(".", "/") / "__main__.py").is_file()
    }
    assert missing == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_the_project_exists(name: str) -> None:
    """Spans that look like paths below a folder of the project. `…`, `{}`, `*`, `<>` and `=` mark placeholders."""
    missing = []
    for span in code_spans(name):
        top, separator, _ = span.partition("/")
        if not separator or top not in TOP_LEVEL or not _PATH.fullmatch(span) or span.startswith(_FOREIGN):
            continue
        places = [PROJECT_ROOT / span, (PROJECT_ROOT / name).parent / span]
        if not any(place.exists() for place in places):
            missing.append(span)
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_every_test_that_is_named_exists(name: str) -> None:
    tests = {
        test
        for path in (PROJECT_ROOT / "tests").rglob("*.py")
        for test in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))
    }
    named = set(re.findall(r"`(?:[\w./]+::)?(test_\w+)`", prose(name)))
    assert named - tests == set()


@pytest.mark.parametrize("path", [path for path in documents() if path.parent.name == "docs"], ids=name_of)
def test_every_document_can_be_reached_from_the_readme(path: Path) -> None:
    assert f"docs/{path.name}" in {target.partition("#")[0] for target in links("README.md")}


def test_every_make_target_that_help_lists_is_in_the_contributors_table() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    listed = set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, flags=re.MULTILINE))
    named = {target for span in code_spans("CONTRIBUTING.md") for target in re.findall(r"^make ([a-z0-9-]+)", span)}
    assert listed - named == set()
