"""What only an SFTP server can do wrong: another host key, rejected credentials, nobody there."""

from __future__ import annotations

import pytest

from local_stack.postgres import free_port
from shared.errors import FixConfiguration, RetryLater
from tests.integration.drops.conftest import Drops, FolderDrop, sales_of, statuses
from tests.integration.etl.conftest import Platform

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIZ4Zc+n3XbOtwVKNn7ZKcE1wJqkkz0gBkMFgqyT7bRq"


@pytest.fixture
def over_sftp(drops: Drops, sftp: FolderDrop) -> Drops:
    drops.place = sftp
    sftp.put("15.csv", sales_of(15))
    return drops


def test_nothing_is_sent_to_a_server_with_another_host_key(over_sftp: Drops) -> None:
    over_sftp.place.connection["host_key"] = OTHER_KEY
    over_sftp.define()
    with pytest.raises(FixConfiguration, match=r"has another host key than the definition .*Nothing was sent"):
        over_sftp.load()
    assert over_sftp.platform.facts()[0] == 0


def test_rejected_and_unusable_credentials_are_named_and_never_shown(over_sftp: Drops) -> None:
    place = over_sftp.place
    right = place.environment["SFTP_KEY"]
    place.environment["SFTP_USER"] = "somebody_else"
    over_sftp.define()
    with pytest.raises(FixConfiguration, match=r"rejected the user or its credentials\. Set SFTP_USER and SFTP_KEY"):
        over_sftp.load()

    place.environment |= {"SFTP_USER": "x", "SFTP_KEY": "not a key"}
    over_sftp.define()
    with pytest.raises(FixConfiguration, match=r"auth\.private_key` cannot be used: it is not a private key") as caught:
        over_sftp.load()
    assert right not in str(caught.value)


def test_a_server_that_does_not_respond_is_tried_again_later(over_sftp: Drops) -> None:
    location = over_sftp.place.connection["location"]
    over_sftp.place.connection["location"] = location.replace(location.split(":")[2].split("/")[0], str(free_port()))
    over_sftp.define()
    with pytest.raises(RetryLater, match="Run again later"):
        over_sftp.load()


def test_links_and_folders_are_not_read_and_a_missing_folder_is_named(over_sftp: Drops) -> None:
    folder = over_sftp.place.folder
    (folder / "secret.csv").symlink_to("/etc/passwd")
    (folder / "folder.csv").mkdir()
    over_sftp.define()
    assert statuses(over_sftp.load()) == {"15.csv": "loaded", "secret.csv": "rejected"}

    over_sftp.place.connection["location"] += "/nowhere/*.csv"
    over_sftp.place.connection["location"] = over_sftp.place.connection["location"].replace("/*.csv/", "/")
    over_sftp.define()
    with pytest.raises(FixConfiguration, match="nowhere/ does not exist"):
        over_sftp.load()


@pytest.mark.long
def test_the_command_checks_the_location(over_sftp: Drops) -> None:
    over_sftp.define()
    platform: Platform = over_sftp.platform
    done = platform.retail("sources", "check", "shop")
    assert done.returncode == 0, done.stderr
    over_sftp.place.connection["host_key"] = OTHER_KEY
    over_sftp.define()
    done = platform.retail("sources", "check", "shop")
    assert done.returncode == 2
    assert "another host key" in done.stderr
