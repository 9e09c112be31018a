"""Definitions of taps and dlt resources: every mistake is an error that says where it is and what to do."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonschema
import pytest
import yaml

from ingestion.connectors.protocol import Runtime
from ingestion.connectors.registry import build
from scripts.write_source_schema import schema_text
from shared.config import load_settings
from shared.errors import FixConfiguration
from shared.sources.connection import connect
from shared.sources.reading import read_definition
from shared.sources.references import references_in
from tests.documentation.documents import fences

PAGES = ("docs/connectors/singer.md", "docs/connectors/dlt.md")
TAP = """\
id: till
name: Till
connector: singer
time_zone: Europe/Berlin
currencies: [EUR]
connection:
  command: [/bin/true]
  config: {url: "https://shop.example", token: {secret: TILL_TOKEN}, since: 2024-01-01}
read:
  stream: sales
  date_column: sold_at
mapping:
  columns:
    transaction_id: receipt
    line_id: line
    sold_at: sold_at
    store_id: store
    product_id: article
    quantity: quantity
    unit_price: price
    currency: {value: EUR}
"""
RESOURCE = (
    ("connector: singer", "connector: dlt"),
    ("  stream: sales\n", "  stream: sales\n  function: shop:source\n"),
)


def written(directory: Path, *changes: tuple[str, str]) -> Path:
    text = TAP
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = directory / "till.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problem(directory: Path, *changes: tuple[str, str]) -> str:
    """What building the connector says of a definition."""
    written(directory, *changes)
    settings = {
        "WAREHOUSE_DSN": "postgresql:///",
        "S3_BUCKET_RAW": "raw",
        "S3_BUCKET_PROCESSED": "processed",
        "SOURCES_DIRECTORY": str(directory),
        "TILL_TOKEN": "t",
    }
    with pytest.raises(FixConfiguration) as raised:
        build("till", load_settings(settings), Runtime())
    return str(raised.value)


def test_a_program_gets_its_configuration_with_values(tmp_path: Path) -> None:
    definition = read_definition(written(tmp_path), {})
    program = connect(definition, {"TILL_TOKEN": "{t"}).program
    assert program is not None
    assert program.command == ("/bin/true",)
    assert program.config == {"url": "https://shop.example", "token": "{{t", "since": "2024-01-01"}
    assert program.secrets == ("{t",)
    assert "{t" not in repr(program)
    assert [each.name for each in references_in(definition.connection)] == ["TILL_TOKEN"]
    with pytest.raises(FixConfiguration, match="Set TILL_TOKEN"):
        connect(definition, {})


CONFIG = '{url: "https://shop.example", token: {secret: TILL_TOKEN}, since: 2024-01-01}'
DATE_COLUMN = "  date_column: sold_at\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("  command: [/bin/true]\n", ""), "till.yaml:6: connection.command: it is missing"),
        (("[/bin/true]", "[/bin/true, {secret: TILL_TOKEN}]"), "connection.command: every user of the machine can"),
        (("  command:", "  url: https://shop.example\n  command:"), "a program gets its address and its credentials"),
        (
            ("token: {secret: TILL_TOKEN}", "token: abc"),
            "connection.config.token: a definition contains no credentials",
        ),
        (("token: {secret: TILL_TOKEN}", "token: {secret: abc}"), "config.token: it is neither `{env: NAME}` nor"),
        (('"https://shop.example"', '"https://u:p@shop.example"'), "an address with a user or password in it"),
        (('"https://shop.example"', '"{date}"'), "connection.config.url: {date} is not known here; allowed: {day}"),
        (("  stream: sales\n", ""), "read.stream: it is missing: which of the program's streams has the sales?"),
        ((DATE_COLUMN, ""), "read.date_column: it is missing: which key of a record decides"),
        ((DATE_COLUMN, f"{DATE_COLUMN}  function: a:b\n"), "read.function: it is only for `connector: dlt`"),
        ((DATE_COLUMN, f"{DATE_COLUMN}  net_amount: total\n"), "read.net_amount: `net_amount` is only for postgresql"),
        ((DATE_COLUMN, "  changed_by: at\n"), "read.changed_by: it needs `date_column`"),
        ((DATE_COLUMN, f"{DATE_COLUMN}  changes: {{}}\n"), "read.changes: it says nothing; give `config` or `state`"),
        (
            (DATE_COLUMN, f"{DATE_COLUMN}  changes: {{config: {{since: '{{day}}'}}}}\n"),
            "read.changes.config.since: {day} is not known here; allowed: {since}",
        ),
        (
            (DATE_COLUMN, f"{DATE_COLUMN}  changes: {{config: {{key: {{secret: A}}}}}}\n"),
            "read.changes.config: a reference has to be in connection.config",
        ),
        (("mapping:", "limits: {requests_per_second: 1}\nmapping:"), "the program sends the requests"),
    ],
)
def test_a_wrong_key_is_an_error_that_names_it(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert said in problem(tmp_path, change)


def test_a_change_run_must_not_depend_on_the_date(tmp_path: Path) -> None:
    of_date = ("since: 2024-01-01", 'since: "{day}"')
    changes = (DATE_COLUMN, f"{DATE_COLUMN}  changes: {{config: {{until: '{{since}}'}}}}\n")
    assert "since of connection.config depends on the date" in problem(tmp_path, of_date, changes)
    changed_by = (DATE_COLUMN, f"{DATE_COLUMN}  changed_by: at\n")
    assert "read.changed_by: it has no effect here" in problem(tmp_path, of_date, changed_by)


def test_a_resource_needs_its_function_and_has_no_catalog(tmp_path: Path) -> None:
    assert "read.function: it is missing" in problem(tmp_path, RESOURCE[0])
    catalog = (DATE_COLUMN, f"{DATE_COLUMN}  catalog: none\n")
    assert "read.catalog: it is only for `connector: singer`" in problem(tmp_path, *RESOURCE, catalog)
    state = (DATE_COLUMN, f"{DATE_COLUMN}  changes: {{state: {{}}}}\n")
    assert "read.changes: `state` is only for `connector: singer`" in problem(tmp_path, *RESOURCE, state)


def test_other_sources_have_no_program(tmp_path: Path) -> None:
    other = ("connector: singer", "connector: postgresql")
    assert "connection.command: `command` is only for singer, dlt" in problem(tmp_path, other)


def _examples() -> list[Any]:
    return [
        pytest.param(yaml.safe_load(dedent(fence.text)), id=f"{page}-{number}")
        for page in PAGES
        for number, fence in enumerate(fences(page))
        if fence.language == "yaml" and "\nconnector: " in dedent(fence.text)
    ]


@pytest.mark.parametrize("example", _examples())
def test_the_definitions_of_the_documentation_can_be_used(tmp_path: Path, example: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(json.dumps(example, default=str)), json.loads(schema_text()))
    example["connection"]["command"] = [sys.executable]
    path = tmp_path / f"{example['id']}.yaml"
    path.write_text(yaml.safe_dump(example), encoding="utf-8")
    names = {each.name for each in references_in(read_definition(path, {}).connection)}
    settings = {
        "WAREHOUSE_DSN": "postgresql:///",
        "S3_BUCKET_RAW": "raw",
        "S3_BUCKET_PROCESSED": "processed",
        "SOURCES_DIRECTORY": str(tmp_path),
        **dict.fromkeys(names, "value"),
    }
    build(example["id"], load_settings(settings), Runtime()).close()


@pytest.mark.parametrize("change", [("  command: [/bin/true]\n", ""), ("  command:", "  url: https://x\n  command:")])
def test_editors_mark_what_the_platform_rejects(tmp_path: Path, change: tuple[str, str]) -> None:
    schema = json.loads(schema_text())
    jsonschema.validate(_given(written(tmp_path)), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_given(written(tmp_path, change)), schema)


def _given(path: Path) -> Any:
    return json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
