from __future__ import annotations

import ast
import errno
import importlib.util
import os
import stat
from pathlib import Path
from types import ModuleType

import pytest

from scripts.environment_file.secret_files import moved
from shared.config import PROJECT_ROOT, known_names, read_environment
from tests import shipped_sources


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_env", PROJECT_ROOT / "scripts" / "generate_env.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["PROJECT_ROOT"] = shipped_sources.ROOT
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


def test_nobody_else_can_write_in_a_folder_that_is_made_for_secrets(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        moved("SECRETS_DIRECTORY=srv/retail/secrets\n", tmp_path / "mine" / ".secrets", tmp_path, set())
    finally:
        os.umask(before)
    made = ("srv", "srv/retail", "srv/retail/secrets", "mine", "mine/.secrets")
    modes = [stat.S_IMODE((tmp_path / each).stat().st_mode) for each in made]
    assert modes == [0o755, 0o755, 0o755, 0o700, 0o700]


def test_only_the_owner_can_read_the_file_even_if_others_could_before(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("LOG_LEVEL=DEBUG\n", encoding="utf-8")
    path.chmod(0o644)

    script.main(["--output", str(path)])

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_disk_that_is_full_leaves_the_old_file_and_no_other(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text("LOG_LEVEL=DEBUG\n", encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(os, "fsync", full)
    assert script.main(["--output", str(path)]) == 2
    assert {each.name: each.read_text(encoding="utf-8") for each in tmp_path.iterdir()} == {".env": "LOG_LEVEL=DEBUG\n"}


def test_a_link_stays_a_link_to_the_file_that_is_written(script: ModuleType, tmp_path: Path) -> None:
    shared = tmp_path / "shared.env"
    shared.write_text("LOG_LEVEL=DEBUG\n", encoding="utf-8")
    link = tmp_path / ".env"
    link.symlink_to(shared)
    script.main(["--output", str(link)])
    assert link.is_symlink()
    assert len(values(shared)) > 1


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


def test_rotating_a_setting_that_is_not_a_secret_is_rejected(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--rotate", "POSTGRES_HOST", "--output", str(tmp_path / ".env")]) == 2
    assert "unknown secret" in capsys.readouterr().err


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


def test_a_random_name_is_not_a_secret(script: ModuleType, tmp_path: Path) -> None:
    script.main(["--output", str(tmp_path / "one")])
    script.main(["--output", str(tmp_path / "two")])

    one, two = values(tmp_path / "one"), values(tmp_path / "two")
    for name in ("COMPOSE_PROJECT_NAME", "RETAILER2_CLIENT_ID"):
        assert one[name] != two[name]
        assert name not in script.SECRETS


def test_what_may_be_empty_is_not_missing(script: ModuleType) -> None:
    text = script.completed("S3_ENDPOINT_URL=http://localhost:9000\nS3_SSE=\nPOSTGRES_SSLROOTCERT=\n")

    assert script.missing_from(text) == []


def test_what_to_do_after_a_rotation_is_said_for_every_secret(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ".env"
    script.main(["--output", str(path)])
    for name in script.SECRETS:
        capsys.readouterr()
        assert script.main(["--rotate", name, "--output", str(path)]) == 0
        said = capsys.readouterr().out
        assert f"{name}:\n    docker-compose up -d" in said
        assert values(path)[name] not in said


def test_the_password_that_a_database_stores_is_changed_there(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.main(["--output", str(tmp_path / ".env")])
    script.main(["--rotate", "RETAILER2_DB_PASSWORD", "--output", str(tmp_path / ".env")])

    assert "docker-compose exec retailer2-db sh -c 'psql" in capsys.readouterr().out


def test_airflow_can_still_read_with_its_old_fernet_key(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    script.main(["--output", str(path)])
    first = values(path)["AIRFLOW_FERNET_KEY"]

    script.main(["--rotate", "AIRFLOW_FERNET_KEY", "--output", str(path)])

    new, old = values(path)["AIRFLOW_FERNET_KEY"].split(",")
    assert old == first
    assert len(new) == len(first) == 44


def test_several_secrets_are_rotated_at_once_or_none(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    script.main(["--output", str(path)])
    before = values(path)

    assert script.main(["--rotate", "AIRFLOW_PASSWORD", "--rotate", "NOTHING", "--output", str(path)]) == 2
    assert values(path) == before
    assert script.main(["--rotate", "AIRFLOW_PASSWORD", "--rotate", "REDIS_PASSWORD", "--output", str(path)]) == 0
    assert {name for name in before if before[name] != values(path)[name]} == {"AIRFLOW_PASSWORD", "REDIS_PASSWORD"}


def test_amazon_s3_takes_no_made_up_key_and_no_bundled_store(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ".env"
    assert script.main(["--aws", "--output", str(path)]) == 0

    written = values(path)
    assert (written["S3_ENDPOINT_URL"], written["AWS_ACCESS_KEY_ID"], written["AWS_SECRET_ACCESS_KEY"]) == ("", "", "")
    assert written["COMPOSE_FILE"] == "docker-compose.yml:docker/compose/aws.yml"
    before = path.read_text(encoding="utf-8")
    script.main(["--output", str(path)])
    script.main(["--aws", "--output", str(path)])
    assert path.read_text(encoding="utf-8") == before, "no key is made up again"

    capsys.readouterr()
    assert script.main(["--print-missing", "--output", str(path)]) == 1
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "S3_BUCKET_RAW",
        "S3_BUCKET_PROCESSED",
    ]
    own = before.replace("=retail-raw", "=acme-raw").replace("=retail-processed", "=acme-processed")
    path.write_text(own, encoding="utf-8")
    assert script.main(["--print-missing", "--output", str(path)]) == 0


def test_keys_of_one_s_own_stay_when_changing_to_amazon(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("AWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=own\n", encoding="utf-8")

    script.main(["--aws", "--output", str(path)])

    assert values(path)["AWS_ACCESS_KEY_ID"] == "AKIAEXAMPLE"
    assert values(path)["AWS_SECRET_ACCESS_KEY"] == "own"
    assert script.main(["--rotate", "AWS_SECRET_ACCESS_KEY", "--output", str(path)]) == 2, "Amazon makes it"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({}, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "S3_BUCKET_RAW", "S3_BUCKET_PROCESSED", "COMPOSE_FILE"]),
        ({"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}, ["S3_BUCKET_RAW", "S3_BUCKET_PROCESSED", "COMPOSE_FILE"]),
        (
            {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": ""},
            ["AWS_SECRET_ACCESS_KEY", "S3_BUCKET_RAW", "S3_BUCKET_PROCESSED", "COMPOSE_FILE"],
        ),
    ],
)
def test_after_emptying_the_endpoint_what_amazon_needs_is_listed(
    script: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    named: list[str],
) -> None:
    path = tmp_path / ".env"
    script.main(["--output", str(path)])
    settings = {**values(path), "S3_ENDPOINT_URL": "", **changed}
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    capsys.readouterr()

    assert script.main(["--print-missing", "--output", str(path)]) == 1

    printed = capsys.readouterr().out
    assert [line.split(":")[0] for line in printed.splitlines()] == named
    assert settings["POSTGRES_PASSWORD"] not in printed


def test_the_example_is_up_to_date_and_holds_no_secret(script: ModuleType) -> None:
    example = PROJECT_ROOT / ".env.example"

    assert example.read_text(encoding="utf-8") == script.completed("", example=True), "run: make settings"
    assert all(values(example)[name] == "" for name in script.SECRETS)


def test_every_setting_the_platform_needs_is_written(script: ModuleType) -> None:
    optional = {
        "WAREHOUSE_DSN",
        "WAREHOUSE_OWNER_DSN",
        "WAREHOUSE_READER_DSN",
        "SOURCES_DIRECTORY",
        "SECRETS_DIRECTORY",
    }
    optional |= {name for name in known_names() if name.startswith("INGEST_")}

    assert known_names() - optional <= set(script.KNOWN)


def test_secrets_move_to_files_that_settings_and_rotations_find(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, directory = tmp_path / ".env", tmp_path / ".secrets"
    script.main(["--output", str(path)])
    before = values(path)

    assert script.main(["--secret-files", "--output", str(path)]) == 0

    after = values(path)
    files = [file for file in directory.rglob("*") if file.is_file()]
    held = {file.name: file.read_text(encoding="utf-8") for file in files}
    of_sources = {"RETAILER1_API_KEY", "RETAILER2_CLIENT_SECRET", "RETAILER3_HMAC_SECRET"}
    assert held == {name: before[name] for name in held}
    assert set(script.SECRETS) - set(held) == {
        *("AWS_ACCESS_KEY_ID", "POSTGRES_READER_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD")
    }
    assert {file.name for file in files if file.parent.name == "sources"} == of_sources
    assert {(after[file.name], after[f"{file.name}_FILE"]) for file in files} == {
        ("", str(file.relative_to(tmp_path))) for file in files
    }
    assert after["SECRETS_DIRECTORY"] == "./.secrets/sources"
    assert after["COMPOSE_FILE"] == "docker-compose.yml:docker/compose/secrets.yml"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "sources").stat().st_mode) == 0o755  # containers run as other users
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o444}
    found = read_environment({}, path)
    assert {name: found[name] for name in held} == held

    again = path.read_text(encoding="utf-8")
    script.main(["--output", str(path)])
    script.main(["--secret-files", "--output", str(path)])
    assert path.read_text(encoding="utf-8") == again

    capsys.readouterr()
    assert script.main(["--rotate", "AIRFLOW_FERNET_KEY", "--output", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == again
    assert read_environment({}, path)["AIRFLOW_FERNET_KEY"].endswith(f",{held['AIRFLOW_FERNET_KEY']}")
    said = capsys.readouterr().out
    assert "docker-compose up -d --force-recreate" in said
    assert "take the comma and the old key out of .secrets/AIRFLOW_FERNET_KEY" in said


def test_the_channels_of_alerts_move_with_them_since_they_hold_passwords(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("ALERT_CHANNELS='mailto://me:secret@example.com slack://a/b/c'\n", encoding="utf-8")

    script.main(["--secret-files", "--output", str(path)])

    assert "secret@" not in path.read_text(encoding="utf-8")
    assert read_environment({}, path)["ALERT_CHANNELS"] == "mailto://me:secret@example.com slack://a/b/c"


def test_workers_get_their_secrets_from_files_too(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("COMPOSE_FILE=docker-compose.yml:docker/compose/celery.yml\n", encoding="utf-8")

    script.main(["--secret-files", "kept", "--output", str(path)])

    files = "docker-compose.yml:docker/compose/celery.yml:docker/compose/secrets.yml:docker/compose/celery-secrets.yml"
    assert values(path)["COMPOSE_FILE"] == files
    assert values(path)["POSTGRES_PASSWORD_FILE"] == "kept/POSTGRES_PASSWORD"


def test_it_is_written_for_python_3_8() -> None:
    scripts, registry = PROJECT_ROOT / "scripts", PROJECT_ROOT / "shared" / "settings_registry"
    modules = [*(scripts / "environment_file").glob("*.py"), *registry.glob("*.py")]
    modules.append(PROJECT_ROOT / "shared" / "sources" / "variables.py")
    for path in (scripts / "generate_env.py", *modules):
        text = path.read_text(encoding="utf-8")
        ast.parse(text, feature_version=(3, 8))
        assert not any(newer in text for newer in (".removesuffix(", ".removeprefix(", "is_relative_to("))
