"""A YAML file is read quickly or rejected with the line: plain values, and no more than a user writes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from shared.errors import FixConfiguration
from shared.sources import strict_yaml
from shared.sources.registry import load_sources
from shared.sources.strict_yaml import MOST_BYTES, MOST_LEVELS, MOST_VALUES
from shared.sources.yaml_file import read_yaml

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20))]
)
MERGES = "\n".join(
    ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 20))]
)


def fault(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "shop.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    began = time.process_time()
    with pytest.raises(FixConfiguration) as raised:
        read_yaml(path)
    assert time.process_time() - began < 5
    return str(raised.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize("text", [BOMB, MERGES])
def test_aliases_count_as_what_they_repeat(tmp_path: Path, text: str) -> None:
    assert f"more than {MOST_VALUES:,} values, with those that aliases repeat" in fault(tmp_path, text)


def test_plain_values_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_yaml, "MOST_VALUES", 50)
    assert "shop.yaml:51: the file has more than 50 values" in fault(tmp_path, "- a\n" * 1000)


@pytest.mark.parametrize("text", ["a: &a [*a]", "&a {b: {c: *a}}", "a: &a {<<: *a}", "&a [*a, *a]"])
def test_an_alias_of_what_is_around_it_is_rejected(tmp_path: Path, text: str) -> None:
    assert "1: an alias is inside what it repeats" in fault(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 5000, f"nested more than {MOST_LEVELS} levels deep"),
        ("{a: " * 5000, f"nested more than {MOST_LEVELS} levels deep"),
        ("- " * 5000 + "a", f"nested more than {MOST_LEVELS} levels deep"),
        ("a" * (MOST_BYTES + 1), "has more than 256 KB"),
        ("ü" * (MOST_BYTES // 2 + 1), "has more than 256 KB"),
        (b"\xff\xfe", "it is not UTF-8 text"),
    ],
    ids=["brackets", "braces", "dashes", "bytes", "bytes of other characters", "no text"],
)
def test_size_and_depth_are_bounded(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in fault(tmp_path, text)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        *(
            (value, "is not a finite number of at most 40 digits")
            for value in (".inf", "-.INF", ".nan", "1.0e+400", "9" * 41)
        ),
        *((f"!!int {value}", "is not a value that can be read") for value in ("x", "''", "9" * 5000)),
        *(("9" * 5000, "is not a value that can be read"), ("!!float x", "is not a value that can be read")),
        *(("!!bool x", "is not a value that can be read"), ("!!timestamp x", "'x' is not a date")),
        *(("2024-02-30", "'2024-02-30' is not a date"), ("2024-01-01 00:00:00 +99:99", "is not a date")),
        ("!!binary aGk=", "a value cannot have the tag !!binary"),
        ("!!set {a, b}", "a value cannot have the tag !!set"),
        ("!!python/object/apply:os.system [id]", "a value cannot have the tag !!python/object/apply:os.system"),
        ("!secret x", "a value cannot have the tag !secret"),
        (r'"\0"', "a text has a character that is not one"),
        (r'"\ud800"', "a text has a character that is not one"),
        ("{[a]: b}", "a key must be a text"),
        ("{{a: b}: c}", "a key must be a text"),
        ("{1: a}", "YAML reads the key '1' as another value than a text; put it in quotes"),
        ("{yes: a}", "YAML reads the key 'yes' as another value than a text"),
        ("{a: 1, a: 2}", "the key 'a' is there twice"),
    ],
)
def test_only_plain_values_are_read(tmp_path: Path, value: str, said: str) -> None:
    assert fault(tmp_path, f"id: shop\nmapping: {value}\n").startswith("shop.yaml:2: ")
    assert said in fault(tmp_path, f"id: shop\nmapping: {value}\n")


def test_a_list_as_a_key_over_two_lines_names_its_line(tmp_path: Path) -> None:
    assert fault(tmp_path, "a: 1\n? - b\n: c\n") == "shop.yaml:2: a key must be a text."


def test_a_few_aliases_and_merged_mappings_are_read_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text("base: &b {x: 1, y: 2.5}\nown: {<<: *b, x: 3}\nsame: *b\nday: 2024-01-15\n", encoding="utf-8")
    found = read_yaml(path)
    assert found.given["own"] == {"x": 3, "y": 2.5}
    assert found.given["same"] == found.given["base"]
    assert found.line(("own", "x")) == 2


def test_a_mapping_that_merges_another_one_can_be_merged_itself(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text("base: &b {x: 1}\no: {a: &A {<<: *b, x: 2}}\nc: {<<: *A}\n", encoding="utf-8")
    assert read_yaml(path).given == {"base": {"x": 1}, "o": {"a": {"x": 2}}, "c": {"x": 2}}


def test_a_pipe_or_a_device_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "shop.yaml")
    with pytest.raises(FixConfiguration, match="it is a pipe, not a regular file"):
        read_yaml(tmp_path / "shop.yaml")
    with pytest.raises(FixConfiguration, match="it is a device, not a regular file"):
        read_yaml(Path("/dev/zero"))


def test_a_source_whose_file_name_is_not_utf8_is_reported_as_broken(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.yaml")).write_text("id: cafe\n", encoding="utf-8")
    (broken,) = load_sources({}, tmp_path).ids
    assert broken == "caf\\xe9"
