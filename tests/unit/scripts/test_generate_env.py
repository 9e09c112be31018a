from __future__ import annotations

import importlib.util
import stat
from pathlib import Path
from types import ModuleType

import pytest

from shared.config import PROJECT_ROOT, known_names


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_env", PROJECT_ROOT / "scripts" / "generate_env.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_every_secret_is_strong_and_different(script: ModuleType, tmp_path: Path) -> None:
    script.main(["--output", str(tmp_path / ".env")])

    written = values(tmp_path / ".env")
    secrets = [written[name] for name in script.SECRETS]
    assert len(set(secrets)) == len(secrets)
    assert all(len(secret) >= 15 for secret in secrets)
    assert len(written["AIRFLOW_JWT_SECRET"]) >= 64


def test_only_the_owner_can_read_the_file_even_if_others_could_before(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("LOG_LEVEL=DEBUG\n", encoding="utf-8")
    path.chmod(0o644)

    script.main(["--output", str(path)])

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_running_it_again_changes_nothing(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    script.main(["--output", str(path)])
    before = path.read_text(encoding="utf-8")

    script.main(["--output", str(path)])

    assert path.read_text(encoding="utf-8") == before


def test_what_is_set_is_kept_with_comments_and_unknown_names(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nPOSTGRES_PASSWORD='chosen'\nMY_OWN=1\nAIRFLOW_PASSWORD=\n", encoding="utf-8")

    script.main(["--output", str(path)])

    text = path.read_text(encoding="utf-8")
    assert text.startswith("# mine\nPOSTGRES_PASSWORD='chosen'\nMY_OWN=1\n")
    assert text.count("AIRFLOW_PASSWORD=") == 1
    assert values(path)["AIRFLOW_PASSWORD"]


def test_a_secret_given_as_a_file_is_not_missing(script: ModuleType) -> None:
    assert "AIRFLOW_PASSWORD" not in script.missing_from("AIRFLOW_PASSWORD_FILE=/run/secrets/airflow\n")


def test_rotating_changes_that_secret_only(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    script.main(["--output", str(path)])
    before = values(path)

    assert script.main(["--rotate", "RETAILER1_API_KEY", "--output", str(path)]) == 0

    after = values(path)
    assert [name for name in before if before[name] != after[name]] == ["RETAILER1_API_KEY"]


def test_rotating_what_is_no_secret_is_refused(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--rotate", "POSTGRES_HOST", "--output", str(tmp_path / ".env")]) == 2
    assert "no secret of that name" in capsys.readouterr().err


def test_missing_names_are_printed_and_nothing_is_written(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ".env"
    path.write_text(script.completed("").replace("AIRFLOW_PASSWORD=", "X="), encoding="utf-8")

    assert script.main(["--print-missing", "--output", str(path)]) == 1
    assert capsys.readouterr().out == "AIRFLOW_PASSWORD\n"


def test_no_secret_is_printed(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script.main(["--output", str(tmp_path / ".env")])

    printed = capsys.readouterr().out
    assert not [name for name in script.SECRETS if values(tmp_path / ".env")[name] in printed]


def test_the_example_is_up_to_date_and_holds_no_secret(script: ModuleType) -> None:
    example = PROJECT_ROOT / ".env.example"

    assert example.read_text(encoding="utf-8") == script.completed("", example=True), (
        "run: python3 scripts/generate_env.py --example > .env.example"
    )
    assert all(values(example)[name] == "" for name in script.SECRETS)


def test_every_setting_the_platform_needs_is_written(script: ModuleType) -> None:
    optional = {"WAREHOUSE_DSN", "WAREHOUSE_OWNER_DSN", "RETAILER1_TIMEZONE", "RETAILER2_TIMEZONE", "RETAILER3_TIMEZONE"}
    optional |= {name for name in known_names() if name.startswith("INGEST_")}

    assert known_names() - optional <= set(script.KNOWN)
