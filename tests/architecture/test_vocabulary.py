"""The platform speaks the field's standard terms: no retired word anywhere in the tree."""

from __future__ import annotations

import pytest

from shared.config import PROJECT_ROOT
from tests.architecture.vocabulary import find_retired_words, tracked_files


def test_no_retired_word_is_in_the_tree() -> None:
    found = []
    for name in tracked_files():
        try:
            text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [str(finding) for finding in (*find_retired_words(name, name), *find_retired_words(name, text))]
    assert found == []


@pytest.mark.parametrize(
    "text",
    ["It was told of it.", "def is_told(): ...", "class ToldTwice: ...", "The books agree.", "red run", "IN_STAR"],
)
def test_a_retired_word_is_found_in_prose_and_in_names(text: str) -> None:
    assert list(find_retired_words("shared/anything.py", text))


@pytest.mark.parametrize(
    "text",
    ["star schema", "connection refused", "PostgreSQL refuses to run as root", "standard", "dead letters", "started"],
)
def test_standard_terms_are_left_alone(text: str) -> None:
    assert not list(find_retired_words("shared/anything.py", text))
