from __future__ import annotations

from pathlib import Path

import pytest
from croniter import croniter  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import FixConfiguration
from shared.sources.connection import connect
from shared.sources.definition import SourceDefinition
from shared.sources.file_drops import Location, parse_host_key, parse_location
from shared.sources.reading import read_definition
from shared.sources.schedules import is_cron, known_schedule

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2nV4"
FOLDER = """id: shop
name: Berlin Shop
connector: files
schedule: on_arrival
time_zone: Europe/Berlin
connection:
  location: drops/*.csv
mapping: {columns: {}}
"""
SFTP = FOLDER.replace(
    "location: drops/*.csv",
    f"""location: sftp://files.example.com/sales/*.csv
  host_key: {KEY}
  auth: {{kind: password, user: {{env: SFTP_USER}}, password: {{secret: SFTP_PASSWORD}}}}""",
)


def read(directory: Path, text: str) -> SourceDefinition:
    path = directory / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return read_definition(path, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drops/*.csv", Location("folder", "drops", "*.csv")),
        ("/srv/drops/", Location("folder", "/srv/drops", "*")),
        ("*.csv", Location("folder", ".", "*.csv")),
        ("s3://bucket/sales/2024/*.csv", Location("s3", "sales/2024/", "*.csv", "bucket")),
        ("s3://bucket/*.csv", Location("s3", "", "*.csv", "bucket")),
        ("sftp://h.example.com/in/*.csv", Location("sftp", "/in/", "*.csv", "h.example.com")),
        ("sftp://[::1]:2222/a%20b/x.csv", Location("sftp", "/a b/", "x.csv", "::1", 2222)),
    ],
)
def test_a_location_is_a_folder_and_what_names_in_it_are_like(text: str, expected: Location) -> None:
    assert parse_location(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("drops/*/sales.csv", "only the last part can have"),
        ("s3://bucket/*/x.csv", "only the last part can have"),
        ("https://example.com/x.csv", "is neither a folder nor s3://"),
        ("sftp://host:no/x.csv", "its host cannot be read"),
        ("sftp:///x.csv", "its host cannot be read"),
        ("drops/../../etc/*", "it contains `..`"),
    ],
)
def test_an_error_in_a_location_says_what_is_allowed(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("..", r"\.\.")):
        parse_location(text)


def test_messages_name_the_place_of_a_file() -> None:
    assert parse_location("drops/*.csv").place("a.csv") == "drops/a.csv"
    assert parse_location("s3://b/p/*.csv").place("a.csv") == "s3://b/p/a.csv"
    assert parse_location("sftp://[::1]/p/*").place("a.csv") == "sftp://[::1]:22/p/a.csv"


def test_a_host_key_is_what_ssh_keyscan_prints() -> None:
    assert parse_host_key(f"{KEY} comment") == tuple(KEY.split())
    with pytest.raises(ValueError, match="ssh-keyscan"):
        parse_host_key("SHA256:abc")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("on_arrival", "hourly", "schedule: 'hourly' is not allowed. Allowed: daily, manual, on_arrival, or a cron"),
        ("on_arrival", "'61 * * * *'", "its minute '61' is not made of *"),
        ("on_arrival", "'0 6 * * mon'", "its weekday 'mon' is not made of *"),
        ("  location: drops/*.csv", "  url: http://x", "connection.url: files have a `location`"),
        ("drops/*.csv", "http://x", "connection.location: 'http://x' is neither a folder"),
        ("connection:\n  location: drops/*.csv\n", "", "`schedule: on_arrival` needs `connection.location`"),
        ("mapping", "read: {done: delete}\nmapping", "read.done: 'delete' is not allowed. Allowed: keep, move"),
        ("mapping", "read: {settle: 2d}\nmapping", "read.settle: '2d' is not a duration"),
        ("drops/*.csv", "drops/*.csv\n  host_key: x", "connection.host_key: only an SFTP server has one"),
        ("drops/*.csv", "sftp://u:p@host/x", "has to be `{secret: NAME}`"),
        ("connector: files", "connector: retailer1", "schedule: only `connector: files` can have 'on_arrival'"),
    ],
)
def test_an_error_in_a_definition_names_its_key(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert read(tmp_path, FOLDER).has_drops
    with pytest.raises(FixConfiguration) as caught:
        read(tmp_path, FOLDER.replace(old, new, 1))
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (f"host_key: {KEY}", "host_key: SHA256:x", "connection.host_key: it is not a host key"),
        (f"  host_key: {KEY}\n", "", "connection.host_key: it is missing; to print it: ssh-keyscan"),
        ("kind: password,", "kind: access_key,", "connection.auth"),
        ("password: {secret: SFTP_PASSWORD}", "password: hunter2", "a definition contains no credentials"),
    ],
)
def test_an_sftp_server_needs_its_key_and_credentials(tmp_path: Path, old: str, new: str, fault: str) -> None:
    found = connect(read(tmp_path, SFTP), {"SFTP_USER": "u", "SFTP_PASSWORD": "p"})
    assert (found.host_key, found.auth) == (KEY, {"kind": "password", "user": "u", "password": "p"})
    with pytest.raises(FixConfiguration) as caught:
        read(tmp_path, SFTP.replace(old, new, 1))
    assert fault in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_api_has_none_of_the_keys_of_files(tmp_path: Path) -> None:
    api = "id: shop\nname: S\nconnector: retailer1\ntime_zone: UTC\nconnection: {url: http://x}\n"
    assert not read(tmp_path, api).has_drops
    for text, fault in (
        (api + "read: {done: move}\n", "read.done: it is only for `connector: files`"),
        (api.replace("{url:", "{location: a, url:"), "connection.location: it is only for `connector: files`"),
        (api.replace("url: http://x", "location: a"), "connection.url: it is missing"),
    ):
        with pytest.raises(FixConfiguration) as caught:
            read(tmp_path, text)
        assert fault in str(caught.value)


_NUMBERS = {0: (0, 59), 1: (0, 23), 2: (1, 31), 3: (1, 12), 4: (0, 7)}
_FIELDS = [
    st.one_of(
        st.just("*"),
        st.integers(lowest, highest).map(str),
        st.integers(1, highest).map(lambda step: f"*/{step}"),
        st.tuples(st.integers(lowest, highest), st.integers(lowest, highest)).map(lambda two: f"{min(two)}-{max(two)}"),
        st.lists(st.integers(lowest, highest).map(str), min_size=1, max_size=4).map(",".join),
    )
    for lowest, highest in _NUMBERS.values()
]


@given(st.tuples(*_FIELDS).map(" ".join))
def test_every_accepted_cron_expression_has_times(expression: str) -> None:
    assert is_cron(known_schedule(expression))
    assert croniter.is_valid(expression)
