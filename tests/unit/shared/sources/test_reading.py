"""Definitions: every error names file, line, key and what is allowed; one wrong file never hides another."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from scripts.write_source_schema import PATH, schema_text
from shared.errors import FixConfiguration
from shared.sources.reading import read_definition
from tests import shipped_sources
from tests.documentation.documents import fences

VALID = """\
id: shop
name: Berlin Shop
connector: retailer1
time_zone: Europe/Berlin
currencies: [EUR]
connection:
  url: {env: SHOP_URL}
  auth: {kind: header, name: X-Key, value: {secret: SHOP_KEY}}
"""

FILES = """\
id: shop
name: Berlin Shop
connector: files
schedule: manual
time_zone: Europe/Berlin
mapping: {columns: {}}
"""


def written(directory: Path, text: str, name: str = "shop.yaml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def as_json(text: str) -> object:
    """A definition as editors compare it with the schema: a date is a text to them."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


def fault_of(directory: Path, text: str, name: str = "shop.yaml") -> str:
    with pytest.raises(FixConfiguration) as raised:
        read_definition(written(directory, text, name), {})
    return str(raised.value).replace(f"{directory}/", "")


def test_a_definition_is_read_with_its_defaults(tmp_path: Path) -> None:
    found = read_definition(written(tmp_path, VALID), {})
    assert (found.id, found.name, found.enabled, found.schedule) == ("shop", "Berlin Shop", True, "daily")
    assert (found.currencies, found.start_date, found.read.look_back) == (("EUR",), None, None)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "currencies: [EUR]",
            "currancies: [EUR]",
            "shop.yaml:5: currancies: there is no such key. Did you mean currencies? Allowed: id, name,",
        ),
        ("currencies: [EUR]", "currencies: [euro]", "shop.yaml:5: currencies.0: 'euro' is not a currency of ISO 4217;"),
        ("Europe/Berlin", "Europe/Berln", "shop.yaml:4: time_zone: 'Europe/Berln' is not an IANA time zone"),
        (
            "connector: retailer1",
            "connector: shopifi",
            "shop.yaml:3: connector: 'shopifi' is not a connector; allowed: ",
        ),
        (
            "kind: header",
            "kind: headr",
            "shop.yaml:8: connection.auth: kind: 'headr' is not allowed. Did you mean header? Allowed: header, ",
        ),
        (
            "kind: header",
            "kind: header, nmae: X",
            "shop.yaml:8: connection.auth.nmae: there is no such key. Did you mean name? Allowed: kind, name, value",
        ),
        ("secret: SHOP_KEY", "secert: SHOP_KEY", "shop.yaml:8: connection.auth.value: it is neither `{env: NAME}` nor"),
        (
            "secret: SHOP_KEY",
            "secret: shop_key",
            "shop.yaml:8: connection.auth.value.secret: the name does not match",
        ),
        ("secret: SHOP_KEY", "secret: K, default: x", "connection.auth.value.default: there is no such key"),
        ("  url: {env: SHOP_URL}\n", "", "shop.yaml:6: connection.url: it is missing."),
        (
            "  url: ",
            "  uri: ",
            "shop.yaml:7: connection.uri: there is no such key. Did you mean url?"
            " Allowed: url, location, host_key, auth, tls, command, config, environment.",
        ),
        ("name: Berlin Shop\n", "", "shop.yaml:1: name: it is missing."),
        ("id: shop", "id: Shop", "shop.yaml:1: id: 'Shop' does not match"),
        ("id: shop", "id: store", "shop.yaml:1: id: it is 'store', but the file is named shop.yaml."),
        ("name: Berlin Shop", "name: A\nname: B", "shop.yaml:3: the key 'name' is there twice."),
        ("name: Berlin Shop", "start_date: 2024-02-30", "shop.yaml:2: '2024-02-30' is not a date."),
        ("name: Berlin Shop", "name: [", "not valid YAML"),
        (
            "name: Berlin Shop",
            "name: A\ncountry: NO",
            "shop.yaml:3: country: YAML reads this as False, not as a text; put",
        ),
        ("name: Berlin Shop", "name: {env: SHOP_NAME}", "shop.yaml:2: name: SHOP_NAME is not set. Set it in .env or"),
        (
            "currencies: [EUR]",
            "limits: {reject_share: 2}",
            "limits.reject_share: input should be less than or equal to 1",
        ),
        (
            "currencies: [EUR]",
            "limits: {rejects: 2}",
            "limits.rejects: there is no such key. Did you mean reject_share? Allowed:",
        ),
        ("currencies: [EUR]", "read: {look_back: 3}", "read.look_back: 3 is not a number of days; an example is 3d."),
        (
            "currencies: [EUR]",
            "read: {look_back: 99999999999d}",
            "read.look_back: '99999999999d' is more than 365 days.",
        ),
        ("name: Berlin Shop", 'name: "A\\nBcc: x"', "shop.yaml:2: name: "),
        ("name: Berlin Shop", 'name: "A\\e[2J"', "shop.yaml:2: name: "),
        (
            "time_zone: Europe/Berlin",
            "time_zone: right/Europe/Berlin",
            "'right/Europe/Berlin' is not an IANA time zone",
        ),
        ("currencies: [EUR]", "schedule: hourly", "schedule: 'hourly' is not allowed. Allowed: daily, manual, on_"),
        ("currencies: [EUR]", "currencies: &x [*x]", "shop.yaml:5: an alias is inside what it repeats."),
    ],
)
def test_an_error_names_its_line_and_what_is_allowed(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in VALID
    assert fault in fault_of(tmp_path, VALID.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "schedule: manual\n",
            "",
            "shop.yaml:1: connection: `schedule: daily` needs `connection.location`. Without one, write `sched",
        ),
        ("mapping: {columns: {}}\n", "", "shop.yaml:1: mapping: it is missing."),
        (
            "mapping: {columns: {}}",
            "connection: {url: x}",
            "shop.yaml:6: connection.url: files have a `location`.",
        ),
        (
            "connector: files",
            "connector: retailer1",
            "shop.yaml:6: mapping: `mapping` is not for `connector: retailer1`; the connector brings its own.",
        ),
        ("connector: files", "connector: retailer1", "shop.yaml:1: connection: it is missing."),
    ],
)
def test_files_have_a_mapping_and_apis_a_connection(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert read_definition(written(tmp_path, FILES), {}).mapping == {"columns": {}}
    assert fault in fault_of(tmp_path, FILES.replace(old, new, 1))


@pytest.mark.parametrize(
    "line",
    [
        "start_date: !!int abc",
        "start_date: !!timestamp abc",
        "country: !!binary 8A==",
        "country: " + "[" * 2000,
        "currencies: []",
        "currencies: [XXZ]",
    ],
)
def test_whatever_a_file_contains_is_an_error_of_this_file(tmp_path: Path, line: str) -> None:
    assert fault_of(tmp_path, VALID.replace("currencies: [EUR]", line)).startswith("shop.yaml:")


@pytest.mark.parametrize("mapping", ["{columns: !!binary 8A==}", "{columns: &x [*x]}"])
def test_a_mapping_that_cannot_be_written_down_is_an_error_of_its_file(tmp_path: Path, mapping: str) -> None:
    assert fault_of(tmp_path, FILES.replace("{columns: {}}", mapping)).startswith("shop.yaml:")


def test_no_error_repeats_a_credential_that_was_written_into_a_definition(tmp_path: Path) -> None:
    for value in ("hunter2", "{secret: hunter2}", "{env: hunter2}", "[hunter2]", "{secret: K, default: hunter2}"):
        fault = fault_of(tmp_path, VALID.replace("{secret: SHOP_KEY}", value))
        assert "connection.auth.value" in fault
        assert "hunter2" not in fault


def test_an_address_with_a_password_has_to_be_a_secret(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, VALID.replace("{env: SHOP_URL}", "https://user:hunter2@shop.example/api"))
    assert "shop.yaml:7: connection.url: an address with a user or password in it has to be `{secret: NAME}`" in fault
    assert "hunter2" not in fault
    plain = VALID.replace("{env: SHOP_URL}", "https://shop.example/api?to=a@b.example")
    assert read_definition(written(tmp_path, plain), {}).connection is not None


def test_all_errors_of_a_file_are_reported_together_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = VALID.replace("retailer1", "x").replace("Europe/Berlin", "y").replace("[EUR]", "[z]")
    faults = fault_of(tmp_path, text).splitlines()
    assert [line.split(":")[1] for line in faults] == ["3", "4", "5"]


@pytest.mark.parametrize("text", ["", "- a", "text", "? [a]\n: b", "\x00", "a: !!python/object:os.system {}"])
def test_a_file_with_something_else_is_an_error_and_never_a_crash(tmp_path: Path, text: str) -> None:
    assert fault_of(tmp_path, text).startswith("shop.yaml:")


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FixConfiguration, match=r"shop\.yaml cannot be read: it is not UTF-8 text"):
        read_definition(tmp_path / "shop.yaml", {})


def test_a_setting_may_come_from_the_environment(tmp_path: Path) -> None:
    text = VALID.replace("time_zone: Europe/Berlin", "time_zone: {env: SHOP_ZONE, default: Europe/Berlin}")
    path = written(tmp_path, text)
    assert read_definition(path, {}).time_zone == "Europe/Berlin"
    assert read_definition(path, {"SHOP_ZONE": "America/Sao_Paulo"}).time_zone == "America/Sao_Paulo"
    with pytest.raises(FixConfiguration, match="'Mars' is not an IANA time zone"):
        read_definition(path, {"SHOP_ZONE": "Mars"})


def test_the_digest_changes_with_the_definition_and_not_with_a_secret(tmp_path: Path) -> None:
    first = read_definition(written(tmp_path, VALID), {"SHOP_KEY": "one"})
    again = read_definition(written(tmp_path, VALID + "\n# a comment\n"), {"SHOP_KEY": "two"})
    other = read_definition(written(tmp_path, VALID.replace("EUR", "CHF")), {})
    assert first.digest == again.digest != other.digest


def test_the_schema_for_editors_is_the_present_one_and_agrees_with_the_reader(tmp_path: Path) -> None:
    assert PATH.read_text(encoding="utf-8") == schema_text(), "run: make settings"
    schema = json.loads(schema_text())
    shipped = [path.read_text(encoding="utf-8") for path in sorted(shipped_sources.DIRECTORY.glob("*.yaml"))]
    documented = [each.text for each in fences("docs/SOURCES.md") if "\nid: " in f"\n{each.text}"]
    assert len(documented) == 2
    for text in [VALID, FILES, *shipped, *documented]:
        jsonschema.validate(as_json(text), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_json(FILES.replace("connector: files", "connector: retailer1")), schema)
    for old, new in (("[EUR]", "[euro]"), ("kind: header", "kind: headr"), ("name: B", "nam: B"), ("secret:", "x:")):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(as_json(VALID.replace(old, new, 1)), schema)
