"""Definitions of databases: every mistake is an error that says where it is and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonschema
import pytest
import yaml

from ingestion.connectors import registry
from ingestion.connectors.protocol import Runtime
from ingestion.connectors.sql.address import Address, Tls, address_of
from ingestion.connectors.sql.dialects import dialect_of
from ingestion.connectors.sql.mssql import MsSql
from scripts.write_source_schema import schema_text
from shared.config import PROJECT_ROOT, load_settings
from shared.errors import FixConfiguration, RetryLater
from shared.sources.connection import connect
from shared.sources.databases import DatabaseRead
from shared.sources.reading import read_definition
from tests.documentation.documents import fences

TILL = """\
id: till
name: Till
connector: postgresql
time_zone: Europe/Berlin
currencies: [EUR]
connection:
  url: {env: TILL_URL}
  auth: {kind: password, user: {env: TILL_USER}, password: {secret: TILL_PASSWORD}}
read:
  table: sales
  date_column: sold_at
  changed_by: changed
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
VARIABLES = {"TILL_URL": "postgresql://db.example:5433/pos", "TILL_USER": "reader", "TILL_PASSWORD": "hunter2"}


def written(directory: Path, *changes: tuple[str, str]) -> Path:
    text = TILL
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = directory / "till.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def address(directory: Path, url: str, *changes: tuple[str, str]) -> Address:
    environ = {**VARIABLES, "TILL_URL": url}
    definition = read_definition(written(directory, *changes), environ)
    return address_of(definition, connect(definition, environ))


def build_error(directory: Path, *changes: tuple[str, str]) -> str:
    written(directory, *changes)
    usual = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
    settings = load_settings({**usual, **VARIABLES, "SOURCES_DIRECTORY": str(directory)})
    with pytest.raises(FixConfiguration) as raised:
        registry.build("till", settings, Runtime())
    assert "hunter2" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  table: sales\n", "", "till.yaml:9: read.query: give either `query` or `table`."),
        ("  table: sales\n", "  table: sales\n  query: SELECT 1\n", "read.query: give either `query` or `table`."),
        ("  table: sales\n", "  query: none.sql\n", "none.sql cannot be read: No such file or directory."),
        ("  table: sales\n", "  query: ../none.sql\n", "'../none.sql' is not the name of a file next to"),
        ("changed_by: changed", "late_commit_margin: 5m", "late_commit_margin: it has no effect without `changed_by`."),
        ("changed_by: changed", "late_commit_margin: 5", "5 is not a number of minutes or hours; examples"),
        (
            "changed_by: changed",
            "changed_by: changed\n  incrementing_key: id",
            "incrementing_key: give either `changed_by` or `incrementing_key`; `changed_by` also finds updates.",
        ),
        (
            "changed_by: changed",
            "late_commit_keys: 5",
            "late_commit_keys: it has no effect without `incrementing_key`.",
        ),
        ("changed_by: changed", "incrementing_key: id\n  late_commit_keys: -1", "late_commit_keys: input should be gr"),
        ("table: sales", "tabel: sales", "read.tabel: there is no such key. Did you mean table?"),
        (
            "kind: password, user: {env: TILL_USER}, password: {secret: TILL_PASSWORD}",
            "kind: header, name: X, value: {secret: TILL_PASSWORD}",
            "connection.auth: a database needs `kind: password`, not header.",
        ),
        ("connector: postgresql", "connector: sqlite", "connection.auth: an SQLite database is a file and has"),
        ("read:\n", "limits: {requests_per_second: 2}\nread:\n", "limits.requests_per_second: a database is"),
        ("connector: postgresql", "connector: retailer1", "mapping: `mapping` is not for `connector: retailer1`;"),
        ("mapping:\n", "mapping_of:\n", "mapping: it is missing."),
        ("  url:", "  tls: {mode: none}\n  url:", "tls.mode: input should be 'verify-full', 'verify-ca',"),
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
        ("  date_column: sold_at\n", "", "read.date_column: it is missing: which column decides the business date?"),
        ("table: sales", "query: 'SELECT * FROM s WHERE d = :dai'", "read.query: :dai is not a parameter; known are"),
        ("table: sales", "query: 'SELECT * FROM s WHERE d = :day'", "read.changed_by: a query with parameters"),
        (
            "table: sales\n  date_column: sold_at\n  changed_by: changed",
            "query: 'SELECT * FROM s WHERE d = :day'\n  incrementing_key: id",
            "read.incrementing_key: a query with parameters selects one date",
        ),
        ("    line_id: line\n", "", "till.yaml:14: mapping.columns: nothing is mapped to line_id."),
        ("product_id: article", "product_id: a.b", "the column 'a.b' has a point in its name"),
        ("mapping:\n", "mapping:\n  tables: {a: {}}\n", "till.yaml:14: mapping.tables: the rows of a table have"),
        ("mapping:\n", "mapping:\n  format: {delimiter: ','}\n", "mapping.format.delimiter: only files have it."),
        (
            "mapping:\n",
            "mapping:\n  checks: [{field: quantity, at_most: 9, severity: warning}]\n",
            "only rows of files",
        ),
        ("unit_price: price", "unit_price: {column: price, when_missing: {use: mean}}", "a date is read in parts"),
        ("unit_price: price", "unit_prize: price", "columns.unit_prize: there is no such field. Did you mean unit_"),
    ],
)
def test_an_error_of_what_is_read_names_its_key(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert fault in build_error(tmp_path, (old, new))


def test_amounts_in_several_currencies_need_a_column(tmp_path: Path) -> None:
    columns = ("currency: {value: EUR}", "currency: {first_of: [a, b]}")
    assert "read.net_amount: the currency has to be one column" in build_error(
        tmp_path, columns, ("  changed_by: changed", "  net_amount: net")
    )


def test_the_text_of_a_query_file_is_part_of_the_definition(tmp_path: Path) -> None:
    changes = ("table: sales", "query: till.sql")
    (tmp_path / "till.sql").write_text("SELECT 1", encoding="utf-8")
    first = read_definition(written(tmp_path, changes), VARIABLES)
    (tmp_path / "till.sql").write_text("SELECT 2", encoding="utf-8")
    second = read_definition(written(tmp_path, changes), VARIABLES)
    assert (first.read.query, second.read.query) == ("SELECT 1", "SELECT 2")
    assert first.digest != second.digest


def test_an_address_has_its_parts_and_hides_its_password(tmp_path: Path) -> None:
    found = address(tmp_path, VARIABLES["TILL_URL"])
    assert (found.shown, found.user, found.password) == ("db.example:5433/pos", "reader", "hunter2")
    assert found.tls.mode == "verify-full", "encrypted, if nothing else is said"
    assert found.auth_setting == "TILL_USER and TILL_PASSWORD"
    assert "hunter2" not in repr(found)
    assert address(tmp_path, "postgres://localhost/pos").tls.mode == "disable"
    assert address(tmp_path, "postgres://localhost/pos").port == 5432
    auth = "  auth: {kind: password, user: {env: TILL_USER}, password: {secret: TILL_PASSWORD}}\n"
    own = address(tmp_path, "postgres://u%40x:p%2F@h/p", ("{env: TILL_URL}", "{secret: TILL_URL}"), (auth, ""))
    assert (own.user, own.password, own.auth_setting) == ("u@x", "p/", "TILL_URL")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://h.example/pos",
        "//h.example/pos",
        "postgresql://h.example",
        "postgresql://h.example/pos?sslmode=disable",
        "postgresql://h.example:x/pos",
        "postgresql:///pos",
    ],
)
def test_a_wrong_address_is_an_error_that_does_not_repeat_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(FixConfiguration) as raised:
        address(tmp_path, url)
    assert "its address is not of the form postgresql://host/database. Correct TILL_URL." in str(raised.value)
    assert url not in str(raised.value)


def test_two_users_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FixConfiguration, match=r"both its address and connection\.auth have a user"):
        address(tmp_path, "postgres://u:p@h/p", ("{env: TILL_URL}", "{secret: TILL_URL}"))


def test_a_ca_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FixConfiguration, match=r"there is no file /none\.pem"):
        address(tmp_path, VARIABLES["TILL_URL"], ("  url:", "  tls: {mode: verify-ca, ca_file: /none.pem}\n  url:"))


@pytest.mark.parametrize(
    ("mode", "is_checked", "has_name"), [("verify-full", 2, True), ("verify-ca", 2, False), ("require", 0, False)]
)
def test_the_mode_of_tls_decides_what_is_checked(mode: str, is_checked: int, has_name: bool) -> None:
    context = Tls(mode, "").context()
    assert context is not None
    assert (int(context.verify_mode), context.check_hostname) == (is_checked, has_name)
    assert Tls("disable", "").context() is None


class FakeError(Exception):
    """An error as pymssql raises it."""


FakeError.__module__ = "pymssql.exceptions"
AT = Address("till", "db.example", 1433, "pos", auth_setting="TILL_PASSWORD", url_setting="TILL_URL")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (FakeError(18456, b"Login failed for user 'reader'."), FixConfiguration, "rejected our credentials"),
        (FakeError((4060, b"Cannot open database")), FixConfiguration, "there is no database"),
        (FakeError(208, b"Invalid object name 'sales'."), FixConfiguration, "does not accept the query"),
        (FakeError(3952, b"Snapshot isolation is not allowed"), FixConfiguration, "does not accept the query"),
        (FakeError(20003, b"timed out"), RetryLater, "took longer than INGEST_LISTING_MINUTES"),
        (FakeError(1205, b"deadlocked"), RetryLater, "ended a statement"),
        (FakeError("Connection is closed"), RetryLater, "was lost"),
        (ModuleNotFoundError("pymssql"), FixConfiguration, "pymssql is not installed"),
    ],
)
def test_errors_of_sql_server_say_what_to_do(error: Exception, kind: type[Exception], words: str) -> None:
    fault = MsSql().fault(error)
    assert fault is not None
    found = fault.error(AT)
    assert isinstance(found, kind)
    assert words in str(found)


@pytest.mark.parametrize("connector", ["postgresql", "mysql", "sqlite", "mssql"])
def test_our_own_bug_is_not_taken_for_an_error_of_the_database(connector: str) -> None:
    error: Any = KeyError("x")
    assert dialect_of(connector).fault(error) is None


def test_the_example_of_the_documentation_can_be_built(tmp_path: Path) -> None:
    given = list(fences("docs/connectors/databases.md"))
    query = next(each.text for each in given if "SELECT r.number" in each.text)
    definition = next(each.text for each in given if each.text.lstrip().startswith("id: till"))
    (tmp_path / "till_lines.sql").write_text(query, encoding="utf-8")
    (tmp_path / "till.yaml").write_text(dedent(definition), encoding="utf-8")
    usual = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
    settings = load_settings({**usual, **VARIABLES, "SOURCES_DIRECTORY": str(tmp_path)})
    connector = registry.build("till", settings, Runtime())
    connector.close()
    assert connector.mapping.columns["transaction_id"].column == "receipt"
    given_keys = yaml.safe_load(definition)
    jsonschema.validate(given_keys, json.loads(schema_text()))
    with pytest.raises(jsonschema.ValidationError):
        without_mapping = {key: value for key, value in given_keys.items() if key != "mapping"}
        jsonschema.validate(without_mapping, json.loads(schema_text()))


def test_every_key_of_a_database_is_documented() -> None:
    text = (PROJECT_ROOT / "docs" / "connectors" / "databases.md").read_text(encoding="utf-8")
    for name in DatabaseRead.model_fields:
        assert f"| `read.{name}` |" in text
