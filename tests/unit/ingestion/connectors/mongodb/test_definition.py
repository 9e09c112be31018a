"""Definitions of sources in MongoDB: every mistake is an error that says where it is and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import jsonschema
import pytest
import yaml

from ingestion.connectors import registry
from ingestion.connectors.mongodb.address import Hosts, client_options, hosts_of
from ingestion.connectors.protocol import Runtime
from scripts.write_source_schema import schema_text
from shared.config import PROJECT_ROOT, load_settings
from shared.errors import FixConfiguration
from shared.sources.connection import connect
from shared.sources.documents import DocumentRead
from shared.sources.reading import read_definition
from tests.documentation.documents import fences

PAGE = "docs/connectors/mongodb.md"
VARIABLES = {"APP_USER": "reader", "APP_PASSWORD": "hunter2"}
USUAL = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
APP = dedent(next(each.text for each in fences(PAGE) if each.text.lstrip().startswith("id: app")))
"""The worked example of the documentation."""
URL = "mongodb://shop-1.example.com:27017,shop-2.example.com:27017/shop?authSource=admin"


def written(directory: Path, *changes: tuple[str, str]) -> Path:
    text = APP
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = directory / "app.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def hosts(directory: Path, url: str, *changes: tuple[str, str]) -> Hosts:
    definition = read_definition(
        written(directory, (f"url: {URL}", "url: {secret: APP_URL}"), *changes), {**VARIABLES, "APP_URL": url}
    )
    return hosts_of(definition, connect(definition, {**VARIABLES, "APP_URL": url}))


def test_the_example_of_the_documentation_can_be_built(tmp_path: Path) -> None:
    written(tmp_path)
    settings = load_settings({**USUAL, **VARIABLES, "SOURCES_DIRECTORY": str(tmp_path)})
    connector = registry.build("app", settings, Runtime())
    connector.close()
    assert connector.mapping.may_be_null == ("customer", "shop")
    given = yaml.safe_load(APP)
    jsonschema.validate(given, json.loads(schema_text()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({key: value for key, value in given.items() if key != "read"}, json.loads(schema_text()))


def test_every_key_is_documented() -> None:
    text = (PROJECT_ROOT / PAGE).read_text(encoding="utf-8")
    for name in DocumentRead.model_fields:
        assert f"| `read.{name}` |" in text


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  collection: orders\n", "", "read.collection: it is missing."),
        ("  date_column: paidAt\n", "", "read.date_column: it is missing: which field decides the business date?"),
        ("  collection: orders\n", "  collection: orders\n  table: t\n", "read.table: `table` is only for postgresql"),
        ("read:\n", "read:\n  times_without_zone: utc\n", "`times_without_zone` is only for postgresql, mysql"),
        ("{status: {$in: [paid, refunded]}}", "{}", "read.filter: dictionary should have at least 1 item"),
        ("{$in: [paid, refunded]}", "{$where: 'x'}", "read.filter: $where is not allowed: a source only reads"),
        ("  net_amount", "  pipeline: [{$out: copy}]\n  net_amount", "read.pipeline: $out is not allowed: a source"),
        ("  net_amount", "  pipeline: [{$limit: 5}]\n  net_amount", "$limit is not allowed. A stage is one of $addFi"),
        ("  net_amount", "  pipeline: [{}]\n  net_amount", "read.pipeline: an empty stage is not allowed."),
        ("connector: mongodb", "connector: mysql", "it is only for `connector: mongodb`"),
        ("kind: password, user: {env: APP_USER}, password:", "kind: bearer, token:", "a database needs `kind: passw"),
    ],
)
def test_an_error_of_a_definition_names_its_key(tmp_path: Path, old: str, new: str, fault: str) -> None:
    path = written(tmp_path, (old, new))
    with pytest.raises(FixConfiguration) as raised:
        read_definition(path, VARIABLES)
    assert fault in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "date_column: paidAt",
            "date_column: lines.at",
            "read.date_column: 'lines.at' is in the lines; a document",
        ),
        ("{$in: [paid, refunded]}", "{$date: never}", "read.filter: it is not extended JSON ("),
        ("{status: {$in: [paid, refunded]}}", "{paidAt: {$gte: 2024-01-01}}", "read.filter: it is not extended JSON"),
        (
            "    currency: currency",
            "    currency: lines.currency",
            "read.net_amount: the currency has to be in the",
        ),
        (
            "    currency: currency",
            "    currency: {first_of: [a, b]}",
            "the currency has to be one field or a",
        ),
        ("  lines: lines\n", "  lines: [lines, extras]\n", "with several arrays of lines, it has to be the amount of"),
        ("  lines: lines\n", "  lines: lines\n  may_be_null: [shop]\n", "mapping.may_be_null: documents have no such"),
        ("    line_id: {column: lines.no, type: integer}\n", "", "nothing is mapped to line_id"),
    ],
)
def test_an_error_of_what_is_read_names_its_key(tmp_path: Path, old: str, new: str, fault: str) -> None:
    written(tmp_path, (old, new))
    settings = load_settings({**USUAL, **VARIABLES, "SOURCES_DIRECTORY": str(tmp_path)})
    with pytest.raises(FixConfiguration) as raised:
        registry.build("app", settings, Runtime())
    assert fault in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_an_address_has_its_hosts_and_hides_its_password(tmp_path: Path) -> None:
    found = hosts(tmp_path, URL)
    assert [(each.host, each.port, each.tls.mode) for each in found.members] == [
        ("shop-1.example.com", 27017, "verify-full"),
        ("shop-2.example.com", 27017, "verify-full"),
    ]
    assert found.auth_database == "admin"
    assert found.all.shown == "shop-1.example.com:27017,shop-2.example.com:27017/shop"
    assert "hunter2" not in repr(found)
    assert hosts(tmp_path, "mongodb://localhost/shop").auth_database == "shop"
    auth = "  auth: {kind: password, user: {env: APP_USER}, password: {secret: APP_PASSWORD}}\n"
    own = hosts(tmp_path, "mongodb://u%40x:p%2F@h,h2/shop", (auth, "")).members
    assert [(each.host, each.port, each.user, each.password) for each in own] == [
        ("h", 27017, "u@x", "p/"),
        ("h2", 27017, "u@x", "p/"),
    ]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("mongodb+srv://shop.example.com/shop", "the hosts of a mongodb+srv address are in the DNS"),
        ("mongodb://h/shop?tls=false", "an option other than authSource=DATABASE. Remove it from APP_URL"),
        ("mongodb://h/shop?authSource=", "an option other than authSource=DATABASE."),
        ("mongodb://h/", "its address is not of the form mongodb://host/database. Correct APP_URL."),
        ("mongodb://h,,i/shop", "its address is not of the form mongodb://host/database."),
        ("mongodb://h:x/shop", "its address is not of the form mongodb://host/database."),
        ("postgresql://h/shop", "its address is not of the form mongodb://host/database."),
    ],
)
def test_a_wrong_address_is_an_error_that_does_not_repeat_it(tmp_path: Path, url: str, fault: str) -> None:
    with pytest.raises(FixConfiguration) as raised:
        hosts(tmp_path, url)
    assert fault in str(raised.value)
    assert url not in str(raised.value)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("verify-full", {"tls": True, "tlsAllowInvalidCertificates": False, "tlsAllowInvalidHostnames": False}),
        ("verify-ca", {"tls": True, "tlsAllowInvalidCertificates": False, "tlsAllowInvalidHostnames": True}),
        ("require", {"tls": True, "tlsAllowInvalidCertificates": True}),
        ("disable", {}),
    ],
)
def test_the_mode_of_tls_decides_what_the_driver_checks(tmp_path: Path, mode: str, expected: dict[str, bool]) -> None:
    [member] = hosts(tmp_path, "mongodb://h/shop", ("connection:\n", f"connection:\n  tls: {{mode: {mode}}}\n")).members
    found = client_options(member, "admin")
    assert {key: value for key, value in found.items() if key.startswith("tls") and key != "tlsCAFile"} == expected
    assert found["directConnection"] is True
    assert ("tlsCAFile" in found) == mode.startswith("verify")
