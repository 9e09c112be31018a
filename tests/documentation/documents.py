"""The documents of the project as data: fences with their markers, links, tables, headings.

A `bash`, `sh` or `sql` fence is run by tests/end_to_end/test_documentation.py, in order, against a running platform.
One that cannot be run there is preceded by `<!-- not run: reason -->`; one whose command ends with another status than
0 on purpose by `<!-- exit status: 1 -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.config import PROJECT_ROOT

EXECUTABLE = ("bash", "sh", "sql")
RUN_IN_THIS_ORDER = (
    "README.md",
    "docs/QUICKSTART.md",
    "docs/MATERIALIZED_VIEWS.md",
    "docs/TROUBLESHOOTING.md",
    "docs/ALERTS.md",
    "docs/OPERATIONS.md",
    "docs/SOURCES.md",
    "docs/TUTORIAL_FIRST_SOURCE.md",
    "CONTRIBUTING.md",
)
"""Documents whose fences are run. Those of docs/RETAILERS.md are `shell`, and run by its own test."""
RUN_IN_CONTAINERS = ("docs/CONTAINERS.md",)
"""Documents whose fences are run against containers, by tests/containers/test_documentation.py."""

_OPENING = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]*)\s*$")
_NOT_RUN = re.compile(r"^\s*<!-- not run: (?P<reason>.+) -->$")
_EXIT_STATUS = re.compile(r"^\s*<!-- exit status: (?P<status>\d+) -->$")


@dataclass(frozen=True)
class Fence:
    """A fenced block; `line` is that of its opening."""

    document: str
    line: int
    language: str
    text: str
    not_run: str | None = None
    """Why it is not run, when it is not."""
    exit_status: int = 0

    @property
    def is_executable(self) -> bool:
        """Whether its language is one that is run."""
        return self.language in EXECUTABLE

    @property
    def place(self) -> str:
        """`docs/QUICKSTART.md:12`."""
        return f"{self.document}:{self.line}"


def documents() -> list[Path]:
    """Every Markdown document of the project."""
    found = [*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").rglob("*.md")]
    found += [*(PROJECT_ROOT / "database").rglob("*.md"), *(PROJECT_ROOT / "airflow" / "dags").glob("*.md")]
    return sorted(found)


def name_of(document: Path) -> str:
    """Its path from the project's root."""
    return str(document.relative_to(PROJECT_ROOT))


def read(name: str) -> str:
    """The text of a document."""
    return (PROJECT_ROOT / name).read_text(encoding="utf-8")


def fences(name: str) -> list[Fence]:
    """The fenced blocks of a document in order, with the marker right before each."""
    found, lines, number = [], read(name).splitlines(), 0
    while number < len(lines):
        opening = _OPENING.match(lines[number])
        if opening:
            end = next(
                (at for at in range(number + 1, len(lines)) if lines[at].strip() == "```"),
                None,
            )
            assert end is not None, f"{name}:{number + 1}: the fence is never closed"
            indent = len(opening["indent"])
            text = "".join(line[indent:] + "\n" for line in lines[number + 1 : end])
            before = next((line for line in reversed(lines[:number]) if line.strip()), "")
            not_run, status = _NOT_RUN.match(before), _EXIT_STATUS.match(before)
            found.append(
                Fence(
                    name,
                    number + 1,
                    opening["language"],
                    text,
                    not_run["reason"] if not_run else None,
                    int(status["status"]) if status else 0,
                )
            )
            number = end
        number += 1
    return found


def prose(name: str) -> str:
    """A document without its fenced blocks and comments."""
    lines, inside = [], False
    for line in read(name).splitlines():
        if line.strip().startswith("```"):
            inside = not inside
        elif not inside:
            lines.append(line)
    return re.sub(r"<!--.*?-->", "", "\n".join(lines), flags=re.DOTALL)


def code_spans(name: str) -> list[str]:
    """The texts between back quotes in the prose."""
    return re.findall(r"`([^`\n]+)`", prose(name))


def links(name: str) -> Iterator[str]:
    """Targets of the links and pictures of a document."""
    yield from re.findall(r"\]\(([^)\s]+)\)", prose(name))


def anchors(name: str) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", prose(name), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(slug if slug not in found else f"{slug}-1")
    return found


def table_after(name: str, marker: str) -> list[list[str]]:
    """The cells of the body of the first table that follows the line `<!-- marker -->`."""
    lines = read(name).splitlines()
    assert f"<!-- {marker} -->" in lines, f"{name} has no line <!-- {marker} -->"
    rows = []
    for line in lines[lines.index(f"<!-- {marker} -->") + 1 :]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            break
    return rows[2:]
