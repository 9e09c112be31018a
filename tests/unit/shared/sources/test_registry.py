"""The registry: which sources there are, which are due, and what each lacks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from shared.errors import FixConfiguration
from shared.sources.definition import check_id
from shared.sources.registry import Sources, load_sources
from tests.unit.shared.sources.test_reading import FILES, VALID, written

DAY = date(2024, 1, 15)


def registry(directory: Path, environ: dict[str, str] | None = None, **extra: str) -> Sources:
    """Sources whose definitions have these additional lines."""
    for name, lines in extra.items():
        written(directory, VALID.replace("id: shop", f"id: {name}") + lines, f"{name}.yaml")
    return load_sources(environ or {}, directory)


def test_a_run_includes_the_enabled_daily_sources_that_have_begun(tmp_path: Path) -> None:
    sources = registry(
        tmp_path,
        first="",
        paused="enabled: false\n",
        on_request="schedule: manual\n",
        new="start_date: 2024-01-16\n",
        begun="start_date: 2024-01-15\n",
    )
    assert sources.due(DAY) == ("begun", "first")
    assert sources.scheduled() == ("begun", "first", "new")
    assert sources.chosen(None, DAY) == ("begun", "first")
    assert sources.chosen(["on_request", "on_request"], DAY) == ("on_request",)
    with pytest.raises(FixConfiguration, match=r"paused is disabled\. Set `enabled: true` in .*/paused\.yaml"):
        sources.chosen(["paused"], DAY)


def test_a_date_or_kind_that_no_run_can_read_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    sources = registry(tmp_path, new="start_date: 2024-01-16\n")
    with pytest.raises(FixConfiguration, match="new has no data of 2024-01-15: `start_date` of its definition is"):
        sources.chosen(["new"], DAY)
    written(tmp_path, FILES)
    with pytest.raises(FixConfiguration, match=r"shop is a source of files\. Load them: retail etl --source FILE --"):
        load_sources({}, tmp_path).chosen(["shop"], DAY)


def test_a_broken_definition_is_due_so_that_the_run_names_it_and_the_others_are_read(tmp_path: Path) -> None:
    written(tmp_path, "id: broken\n", "broken.yaml")
    (tmp_path / "ending.yml").write_text(VALID, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no definition", encoding="utf-8")
    (tmp_path / "._first.yaml").write_bytes(b"\x00")
    sources = registry(tmp_path, first="")
    assert sources.ids == sources.due(DAY) == sources.scheduled() == ("broken", "ending", "first")
    assert sources.get("first").id == "first"
    with pytest.raises(FixConfiguration, match=r"broken\.yaml:1: name: it is missing"):
        sources.get("broken")
    with pytest.raises(FixConfiguration, match=r"name the file ending\.yaml"):
        sources.connect("ending")


def test_an_unknown_source_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    sources = registry(tmp_path, first="", second="")
    for call in (lambda: sources.get("zeta"), lambda: sources.chosen(["zeta"], DAY)):
        with pytest.raises(FixConfiguration, match=r"Unknown retailer: zeta\. Known: first, second\."):
            call()
    assert sources.find("zeta") is None


@pytest.mark.parametrize("is_there", [True, False])
def test_without_any_source_the_error_says_where_to_add_one(tmp_path: Path, is_there: bool) -> None:
    sources = load_sources({}, tmp_path if is_there else tmp_path / "nowhere")
    with pytest.raises(FixConfiguration, match=r"There is no source in .*Add a file <id>\.yaml"):
        sources.chosen(None, DAY)


def test_no_source_due_is_an_error_of_a_command(tmp_path: Path) -> None:
    with pytest.raises(FixConfiguration, match="No source is due on 2024-01-15"):
        registry(tmp_path, new="start_date: 2024-02-01\n").chosen(None, DAY)


def test_secrets_come_from_a_variable_a_named_file_or_the_directory_of_secrets(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    written(tmp_path / "secrets", "from-directory\n", "SHOP_KEY")
    named = written(tmp_path, "from-file\n", "key.txt")
    directory = {"SHOP_URL": "http://shop", "SECRETS_DIRECTORY": str(tmp_path / "secrets")}
    for environ, expected in (
        (directory, "from-directory"),
        ({**directory, "SHOP_KEY_FILE": str(named)}, "from-file"),
        ({**directory, "SHOP_KEY_FILE": str(named), "SHOP_KEY": "from-variable"}, "from-variable"),
    ):
        connection = registry(tmp_path, environ, shop="").connect("shop")
        assert (connection.url, connection.auth["value"]) == ("http://shop", expected)
        assert (connection.url_setting, connection.auth_settings) == ("SHOP_URL", "SHOP_KEY")
        assert expected not in repr(connection)


def test_everything_that_a_connection_lacks_is_reported_together(tmp_path: Path) -> None:
    sources = registry(tmp_path, shop="")
    with pytest.raises(FixConfiguration, match=r"shop is not configured\. Set SHOP_KEY and SHOP_URL in \.env"):
        sources.connect("shop")


def test_no_secret_shows_when_the_registry_is_printed(tmp_path: Path) -> None:
    assert "hush" not in repr(registry(tmp_path, {"SHOP_KEY": "hush"}, shop=""))


def test_no_source_can_have_the_id_of_the_unknown_retailer(tmp_path: Path) -> None:
    broken = registry(tmp_path, unknown="").broken["unknown"]
    assert "'unknown' is reserved for what the platform does not know; use another id" in broken
    for wrong, reason in (
        ("unknown", "it is reserved"),
        ("../up", "it is not 1 to 32 of a-z"),
        ("", "it is not 1 to 32"),
    ):
        with pytest.raises(FixConfiguration, match=f"cannot be the id of a source: {reason}"):
            check_id(wrong)
