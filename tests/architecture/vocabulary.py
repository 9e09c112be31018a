"""Finds retired words in the tree. `python -m tests.architecture.vocabulary PATH...` lists them.

The words and what to write instead are in `retired_words.toml`. Identifiers count too: `is_told` and `ToldTwice` both
contain `told`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from shared.config import PROJECT_ROOT
from tests.project_files import project_files

WORDS_FILE = Path(__file__).parent / "retired_words.toml"
_JOINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")


@dataclass(frozen=True)
class Finding:
    """A retired word in a line of a file."""

    path: str
    line: int
    word: str
    instead: str
    text: str

    def __str__(self) -> str:
        """As an editor opens it: path and line first."""
        return f"{self.path}:{self.line}: {self.word!r} (write: {self.instead}): {self.text.strip()[:140]}"


@cache
def rules() -> dict[str, object]:
    """The content of `retired_words.toml`."""
    return tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))


def tracked_files(*paths: str) -> list[str]:
    """Files of the project below the paths, without those that the rules leave out."""
    skipped: Sequence[str] = rules()["skipped_files"]  # type: ignore[assignment]
    return [name for name in project_files(*paths) if not any(fnmatch(name, pattern) for pattern in skipped)]


def find_retired_words(path: str, text: str) -> Iterator[Finding]:
    """Every retired word of a text; `path` decides which exceptions apply."""
    lines = text.splitlines()
    if not _any_word().search(_JOINS.sub(" ", "\0".join(lines)).lower()):
        return  # nearly every file; ten times faster than line by line
    allowed = _allowed(path)
    for number, line in enumerate(lines, 1):
        words = _JOINS.sub(" ", allowed.sub("", line) if allowed else line)
        for pattern, word, instead in _patterns():
            if pattern.search(words):
                yield Finding(path, number, word, instead, line)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    words: dict[str, str] = rules()["words"]  # type: ignore[assignment]
    return tuple((re.compile(rf"\b(?:{word})\b", re.IGNORECASE), word, instead) for word, instead in words.items())


@cache
def _any_word() -> re.Pattern[str]:
    """Of a text in lower case."""
    return re.compile(rf"\b(?:{'|'.join(word for _, word, _ in _patterns())})\b")


@cache
def _allowed(path: str) -> re.Pattern[str] | None:
    exceptions: list[dict[str, str]] = rules()["allowed"]  # type: ignore[assignment]
    found = [each["pattern"] for each in exceptions if fnmatch(path, each.get("files", "*"))]
    return re.compile("|".join(f"(?:{pattern})" for pattern in found), re.IGNORECASE) if found else None


def main(paths: Sequence[str]) -> int:
    """Print the findings below the paths; 1 when there are any."""
    count = 0
    for name in tracked_files(*paths):
        try:
            text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for finding in find_retired_words(name, text):
            count += 1
            sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{count} findings\n")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
