from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingestion.connectors.drops.folder import FolderPlace
from ingestion.connectors.drops.place import FileChanged, ListedFile, shown_name, time_of
from shared.errors import FixConfiguration
from shared.sources.file_drops import Location


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "drops"
    place.mkdir()
    return place


def place_of(folder: Path) -> FolderPlace:
    return FolderPlace(Location("folder", str(folder), "*.csv"), Path("/"))


def listed(folder: Path) -> ListedFile:
    (file,) = place_of(folder).list()
    return file


def test_a_file_is_copied_as_it_was_listed(folder: Path, tmp_path: Path) -> None:
    (folder / "a.csv").write_bytes(b"x" * 3_000_000)
    copy = place_of(folder).fetch(listed(folder), tmp_path)
    assert copy.read_bytes() == b"x" * 3_000_000


@pytest.mark.parametrize("change", ["grown", "replaced", "gone", "link"])
def test_a_file_that_changed_since_the_listing_is_not_read(folder: Path, tmp_path: Path, change: str) -> None:
    path, other = folder / "a.csv", tmp_path / "other"
    path.write_text("a", encoding="utf-8")
    other.write_text("b", encoding="utf-8")
    file = listed(folder)
    if change == "grown":
        path.write_text("ab", encoding="utf-8")
    elif change == "replaced":
        other.replace(path)
    else:
        path.unlink()
    if change == "link":
        path.symlink_to(other)
    with pytest.raises(FileChanged):
        place_of(folder).fetch(file, tmp_path)
    assert not place_of(folder).is_current(file)
    assert not (tmp_path / "a.csv").exists() or not (tmp_path / "a.csv").read_text(encoding="utf-8")


def test_what_is_not_a_regular_file_is_listed_with_the_reason(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")
    (folder / "link.csv").symlink_to("/etc/passwd")
    (folder / "folder.csv").mkdir()
    (folder / os.fsdecode(b"\xff.csv")).write_text("x", encoding="utf-8")
    found = {each.name: each.problem for each in place_of(folder).list()}
    assert found == {
        "pipe.csv": "it is not a regular file",
        "link.csv": "it is a link. Put the file itself into the folder",
        "\\xff.csv": "its name is not UTF-8. Rename it",
    }


def test_impossible_times_and_names_can_be_recorded() -> None:
    assert time_of(10**12).year == 2200
    assert shown_name("a\x00\udcff.csv") == "a\\x00\\xff.csv"


def test_a_moved_file_is_in_the_folder_done_and_can_be_moved_again(folder: Path) -> None:
    (folder / "a.csv").write_text("a", encoding="utf-8")
    assert place_of(folder).move(listed(folder), "123-a.csv") == f"{folder}/done/123-a.csv"
    (folder / "a.csv").write_text("a", encoding="utf-8")
    place_of(folder).move(listed(folder), "123-a.csv")
    assert [path.name for path in (folder / "done").iterdir()] == ["123-a.csv"]


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(FixConfiguration, match="The folder /nowhere cannot be listed: No such file"):
        place_of(Path("/nowhere")).list()
