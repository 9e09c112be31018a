"""A source of files is one definition: `retail etl --retailer ID` needs no layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.partitions import Manifest, manifest_key
from tests.fakes.csv_sources import SHOP
from tests.integration.etl.conftest import Platform
from tests.integration.etl.test_quality import DAY, define, shop

MAPPING = {key: value for key, value in SHOP.items() if key not in ("name", "retailer_id", "time_zone")}
MAPPING["columns"] = {**SHOP["columns"], "currency": {"value": "BRL"}}


def definition(**changed: Any) -> str:
    text: str = yaml.safe_dump(
        {
            "id": "shop",
            "name": "The Shop",
            "country": "Brazil",
            "connector": "files",
            "schedule": "manual",
            "time_zone": "America/Sao_Paulo",
            "currencies": ["BRL"],
            "mapping": MAPPING,
            **changed,
        },
        sort_keys=False,
    )
    return text


def test_files_are_loaded_with_the_mapping_of_their_definition(platform: Platform, tmp_path: Path) -> None:
    define(platform, tmp_path, definition())
    file, _ = shop(tmp_path)

    done = platform.command("--source", str(file), "--retailer", "shop")

    assert done.returncode == 0, done.stderr
    assert platform.facts()[0] == 10
    manifest = Manifest.model_validate_json(platform.read_object(manifest_key("shop", DAY)))
    assert manifest.source is not None
    assert (manifest.source.name, manifest.source.connector) == ("The Shop", "files")
    assert (manifest.source.time_zone, manifest.source.currencies) == ("America/Sao_Paulo", ("BRL",))
    known = platform.query("SELECT retailer_name, country, time_zone FROM dim_retailer WHERE retailer_id = 'shop'")
    assert known == [("The Shop", "Brazil", "America/Sao_Paulo")]


def test_an_error_in_the_mapping_names_file_line_and_key(platform: Platform, tmp_path: Path) -> None:
    columns = {name: source for name, source in MAPPING["columns"].items() if name != "quantity"}
    define(platform, tmp_path, definition(mapping={**MAPPING, "columns": columns}))
    file, _ = shop(tmp_path)
    failed = platform.command("--source", str(file), "--retailer", "shop")
    assert failed.returncode == 2
    assert "sources/shop.yaml:10: mapping.columns: nothing is mapped to quantity." in failed.stderr

    define(platform, tmp_path, definition(mapping={**MAPPING, "time_zone": "UTC"}))
    failed = platform.command("--source", str(file), "--retailer", "shop", "--dry-run")
    assert failed.returncode == 2
    assert "mapping.time_zone: the definition itself says it; remove it from the mapping." in failed.stderr


def test_a_broken_definition_is_named_before_anything_is_read(platform: Platform, tmp_path: Path) -> None:
    define(platform, tmp_path, definition(schedule="daily"))
    file, _ = shop(tmp_path)
    failed = platform.command("--source", str(file), "--retailer", "shop")
    assert failed.returncode == 2
    assert "`schedule: daily` needs `connection.location`. Without one, write `schedule: manual`" in failed.stderr


@pytest.mark.long
def test_the_limits_of_the_definition_hold_for_its_files(platform: Platform, tmp_path: Path) -> None:
    file, _ = shop(tmp_path)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("15/01/2024 14:30", "never", 1), encoding="utf-8")
    for share, code in ((0.0, 1), (0.5, 0)):
        define(platform, tmp_path, definition(limits={"reject_share": share}))
        done = platform.command("--source", str(file), "--retailer", "shop", "--allow-low-quality")
        assert done.returncode == code, done.stderr


def test_a_source_of_files_is_not_read_as_an_api(platform: Platform, tmp_path: Path) -> None:
    define(platform, tmp_path, definition())
    failed = platform.retail("ingest", str(DAY), "--retailer", "shop")
    assert failed.returncode == 2
    assert "shop is a source of files. Load them: retail etl --source FILE --retailer shop" in failed.stderr


def test_a_disabled_source_and_dates_before_its_start_are_not_loaded(platform: Platform, tmp_path: Path) -> None:
    file, _ = shop(tmp_path)
    for changed, message in (
        ({"enabled": False}, "shop is disabled. Set `enabled: true` in"),
        ({"start_date": "2024-01-16"}, "the file has sales of 2024-01-15, but `start_date` of shop is 2024-01-16"),
    ):
        define(platform, tmp_path, definition(**changed))
        failed = platform.command("--source", str(file), "--retailer", "shop")
        assert failed.returncode == 2
        assert message in failed.stderr
    assert platform.facts()[0] == 0


def test_an_unknown_retailer_is_named_when_no_layout_fits_either(platform: Platform, tmp_path: Path) -> None:
    file, _ = shop(tmp_path)
    failed = platform.command("--source", str(file), "--retailer", "nosuch")
    assert failed.returncode == 2
    assert "nosuch has no definition with a `mapping`" in failed.stderr
