"""A name that only some of our engines know is not a time zone."""

from __future__ import annotations

import pytest

from shared.time_zones import is_time_zone


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "EST5EDT", "Etc/GMT+12"])
def test_iana_zones_are_time_zones(name: str) -> None:
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name",
    [
        *("localtime", "posixrules", "Factory", "posix/Europe/Berlin", "right/UTC"),  # PostgreSQL does not know them
        *("europe/berlin", "UTC+3", "Europe", "", "..", "../../etc/passwd", "/etc/localtime", "UTC\0", "a" * 5000),
    ],
)
def test_other_files_and_names_are_not(name: str) -> None:
    assert not is_time_zone(name)
