"""The description of an API: every mistake is found before a request is sent, with its line and what is allowed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from scripts.write_source_schema import schema_text
from shared.errors import FixConfiguration
from shared.sources.connection import connect
from shared.sources.reading import read_definition
from shared.sources.request_templates import about_day, check_template, fill_template
from tests.documentation.documents import fences
from tests.fakes import rest_apis
from tests.fakes.rest_definitions import AUTH, BASE, PAGINATION
from tests.unit.shared.sources.test_reading import as_json, fault_of, written

BERLIN = ZoneInfo("Europe/Berlin")
URL = "url: {env: SHOP_URL}"
PARAMETERS = 'parameters: {day: "{day}"}'


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  path: /sales\n", "", "8: api.path: it is missing."),
        (
            "path: /sales",
            "path: sales",
            "9: api.path: 'sales' is not a path below `connection.url`; an example is /v1/",
        ),
        ("path: /sales", "path: //else.example/x", "api.path: '//else.example/x' is not a path below"),
        ("path: /sales", "path: /a/../b", "api.path: '/a/../b' is not a path below"),
        ("path: /sales", "path: /sales?x=1", "api.path: '/sales?x=1' is not a path below"),
        (
            "  rows: rows",
            "  row: rows",
            "11: api.row: there is no such key. Did you mean rows? Allowed: path, parameters,",
        ),
        ("  rows: rows", "  rows: a..b", "api.rows: 'a..b' does not match"),
        (f"  {PAGINATION}\n", "", "8: api.pagination: it is missing."),
        (
            "kind: none",
            "kind: page, parametr: page",
            "12: api.pagination.parametr: there is no such key. Did you mean parameter? Allowed: size, ",
        ),
        (
            "kind: none",
            "kind: pages",
            "12: api.pagination: kind: 'pages' is not allowed. Did you mean page? Allowed: none",
        ),
        ("kind: none", "kind: offset", "12: api.pagination.size: it is missing."),
        ("kind: none", "kind: page, sise: 5", "12: api.pagination.sise: there is no such key"),
        ("kind: none", "kind: page, size_parameter: n", "api.pagination: `size_parameter` needs `size`"),
        ("kind: none", "kind: page, total: n", "api.pagination: `total` needs `size`"),
        ("kind: none", "kind: page, size: 0", "api.pagination.size: input should be greater than or equal to 1"),
        ("kind: none", "kind: page, more: {}", "api.pagination.more: give either path or header"),
        ("kind: none", "kind: cursor", "api.pagination: give either next or next_of_row"),
        ("kind: none", "kind: cursor, next_of_row: id", "api.pagination: `next_of_row` needs `more`"),
        (PARAMETERS, "parameters: {a: b}", "10: api.parameters: neither a parameter nor the path has a business date"),
        (
            PARAMETERS,
            "parameters: {day: '{dya}'}",
            "10: api.parameters.day: {dya} is not known here; allowed: {day}, {n",
        ),
        (
            PARAMETERS,
            "parameters: {day: '{since}'}",
            "10: api.parameters.day: {since} is not known here; allowed: {day}",
        ),
        (PARAMETERS, "parameters: {day: '{day'}", "10: api.parameters.day: '{day' has a single brace; write it twice"),
        (PARAMETERS, "parameters: {day: '{day:%Q}'}", "{day:%Q}: %Q is not a format; allowed: iso, or like %d/%m/%Y"),
        (PARAMETERS, "parameters: {day: '{day:epoch}'}", "{day:epoch}: 'epoch' is not a format; allowed: iso, or"),
        (
            PARAMETERS,
            "parameters: {day: '{day_end:isoz}'}",
            "'isoz' is not a format; allowed: iso, iso_z, epoch, epoch_ms",
        ),
        (
            PARAMETERS,
            "parameters: {day: true}",
            "10: api.parameters.day: YAML reads this as True, not as a text; put it",
        ),
        ("  rows: rows", "  headers: {Authorization: hunter2}", "api.headers: Authorization may contain a credential"),
        ("  rows: rows", "  headers: {Host: a}", "11: api.headers: Host is set by the platform."),
        (
            "  rows: rows",
            "  headers: {A: 2024-01-15}",
            "api.headers.A: YAML reads this as 2024-01-15, not as a text; put",
        ),
        ("  rows: rows", '  headers: {A: "b\\nC: d"}', "11: api.headers.A: "),
        ("  rows: rows", "  as_of: {path: a, format: '%Q'}", "11: api.as_of.format: '%Q' is not a format; it is iso, "),
        ("  rows: rows", "  as_of: {path: a, header: b}", "11: api.as_of: give either path or header."),
        (
            "  rows: rows",
            "  changes: {parameters: {a: '{day}'}}",
            "11: api.changes.parameters.a: {day} is not known here",
        ),
        (
            "  rows: rows",
            "  changes: {parameters: {a: b}}",
            "11: api.changes.parameters: neither a parameter nor the path",
        ),
        (
            "  rows: rows",
            "  report: {path: /r, parameters: {a: b}, lines: n, net: {path: n}}",
            "11: api.report.parameters: neither",
        ),
        (
            "  rows: rows",
            '  report: {path: "/r/{day}", lines: n, net: {path: n, currency: EUX}}',
            "11: api.report.net.currency: 'EUX' is not a currency",
        ),
        (
            "secret: SHOP_KEY}",
            "secret: SHOP_KEY}, nmae: x",
            "7: connection.auth.nmae: there is no such key",
        ),
        (AUTH, "{kind: hmac, client_id: {env: A}, secret: {secret: B}, message: x}", "message: without {path} one"),
        (
            AUTH,
            "{kind: hmac, client_id: {env: A}, secret: {secret: B}, message: '{body}'}",
            "{body} is not a part of a",
        ),
        (AUTH, "{kind: basic, user: {env: A}, password: hunter2}", "connection.auth.password: it is neither"),
        (
            AUTH,
            "{kind: oauth2, client_id: {env: A}, client_secret: {secret: B}, token_url: ftp://a}",
            "connection.auth.token_url: it is neither a path that begins with / nor an address",
        ),
        ("connector: rest", "connector: retailer1", "8: api: `api` is not for `connector: retailer1`; it is only for"),
        ("mapping:\n", "mapping_file: a/b.yaml\nmapping:\n", "mapping_file: there is a `mapping` as well; remove one"),
    ],
)
def test_a_mistake_names_its_line_and_what_is_allowed(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in BASE
    found = fault_of(tmp_path, BASE.replace(old, new, 1))
    assert fault in found
    assert found.startswith("shop.yaml:")
    assert "hunter2" not in found


def test_an_api_needs_a_mapping_and_a_description(tmp_path: Path) -> None:
    without_mapping = BASE[: BASE.index("mapping:")]
    assert "shop.yaml:1: mapping: it is missing." in fault_of(tmp_path, without_mapping)
    without_api = BASE[: BASE.index("api:")] + BASE[BASE.index("mapping:") :]
    assert "shop.yaml:1: api: it is missing." in fault_of(tmp_path, without_api)


def test_a_mapping_in_a_file_of_its_own_is_part_of_the_definition(tmp_path: Path) -> None:
    start = BASE.index("mapping:")
    path = written(tmp_path, BASE[:start] + "mapping_file: mappings/shop.yaml\n")
    with pytest.raises(FixConfiguration, match=r"mappings/shop\.yaml cannot be read: No such file"):
        read_definition(path, {})
    (tmp_path / "mappings").mkdir()
    columns = "\n".join(line[2:] for line in BASE[start:].splitlines()[1:])
    inner = written(tmp_path / "mappings", columns)
    first = read_definition(path, {})
    assert first.mapping == read_definition(written(tmp_path, BASE), {}).mapping
    written(tmp_path, BASE[:start] + "mapping_file: mappings/shop.yaml\n")
    inner.write_text(columns.replace("TEA", "x").replace("sku", "article"), encoding="utf-8")
    assert read_definition(path, {}).digest != first.digest
    inner.write_text("- a", encoding="utf-8")
    with pytest.raises(FixConfiguration, match=r"mappings/shop\.yaml:1: a mapping is keys with values"):
        read_definition(path, {})


@pytest.mark.parametrize("name", ["shop.yaml", "../other/shop.yaml", "/etc/passwd", "mappings/../../x.yaml"])
def test_a_mapping_is_read_from_a_folder_next_to_the_definition_only(tmp_path: Path, name: str) -> None:
    fault = fault_of(tmp_path, BASE[: BASE.index("mapping:")] + f"mapping_file: {name}\n")
    assert f"mapping_file: '{name}' is not a file in a folder next to the definition" in fault


def test_the_schema_for_editors_accepts_what_the_reader_accepts(tmp_path: Path) -> None:
    schema = json.loads(schema_text())
    shipped = [path.read_text(encoding="utf-8") for path in sorted(rest_apis.DIRECTORY.glob("*.yaml"))]
    documented = [each.text for each in fences("docs/connectors/rest.md") if each.language == "yaml"]
    assert (len(shipped), len(documented)) == (4, 1)
    for text in [BASE, *shipped, *documented]:
        jsonschema.validate(as_json(text), schema)
    for old, new in (("kind: none", "kind: offset"), ("path: /sales", "pth: /sales"), (": rest", ": retailer1")):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(as_json(BASE.replace(old, new, 1)), schema)


def test_each_kind_of_authentication_names_its_variables(tmp_path: Path) -> None:
    auth = "{kind: basic, user: {env: SHOP_USER}, password: {secret: SHOP_PASSWORD}}"
    definition = read_definition(written(tmp_path, BASE.replace(AUTH, auth)), {})
    with pytest.raises(FixConfiguration, match="Set SHOP_PASSWORD, SHOP_URL and SHOP_USER in"):
        connect(definition, {})
    found = connect(definition, {"SHOP_URL": "x", "SHOP_USER": "ann", "SHOP_PASSWORD": "p"})
    assert found.auth == {"kind": "basic", "user": "ann", "password": "p"}
    assert "ann" not in repr(found)


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (date(2024, 3, 31), "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"),
        (date(2024, 10, 27), "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"),
    ],
)
def test_a_date_begins_and_ends_by_the_clocks_of_the_source(day: date, start: str, end: str) -> None:
    values = about_day(day, BERLIN)
    assert fill_template("{day_start:iso_z}/{day_end:iso_z}", values, BERLIN) == f"{start}/{end}"
    assert fill_template("{next_day:%j}", values, BERLIN) == f"{day.timetuple().tm_yday + 1:03}"


def test_a_template_is_filled_in_as_it_was_checked() -> None:
    text = "a{{b}}: {since} {since:%d.%m.%Y %H:%M} {since:epoch}"
    since = datetime(2024, 7, 1, 22, 30, 59, 999_999, tzinfo=UTC)
    filled = fill_template(check_template(text, ("since",)), {"since": since}, BERLIN)
    assert filled == "a{b}: 2024-07-01T22:30:59+00:00 02.07.2024 00:30 1719873059"
