"""`sources.env`, which scripts/generate_env.py makes of `.env` and the definitions in sources/."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from scripts.environment_file.for_sources import FILE_NAME, HEADER
from scripts.generate_env import main
from tests import shipped_sources

OUTLET = """
id: outlet_shop
time_zone: {env: OUTLET_ZONE, default: Europe/Berlin}
connection:
  url: {env: OUTLET_URL}  # {env: NOT_THIS}
  auth: {kind: header, name: X-API-Key, value: {secret: OUTLET_TOKEN}}
"""
WITH_FILES = "docker-compose.yml:docker/compose/secrets.yml"
SHIPPED = {
    *("RETAILER1_API_URL", "RETAILER1_API_KEY", "RETAILER2_API_URL", "RETAILER2_CLIENT_ID", "RETAILER2_CLIENT_SECRET"),
    *("RETAILER3_API_URL", "RETAILER3_CLIENT_ID", "RETAILER3_HMAC_SECRET"),
}


class Environment:
    """A directory with a `.env` that the script has completed, and with definitions of its own."""

    def __init__(self, directory: Path) -> None:
        self.dotenv, self.sources = directory / ".env", directory / "defined"
        self.sources.mkdir()
        for path in shipped_sources.DIRECTORY.glob("*.yaml"):
            (self.sources / path.name).write_bytes(path.read_bytes())
        self.set(SOURCES_DIRECTORY="./defined")
        self.run()

    def run(self, *arguments: str) -> int:
        return main([*arguments, "--output", str(self.dotenv)])

    def set(self, **values: str) -> None:
        lines = self.dotenv.read_text(encoding="utf-8").splitlines() if self.dotenv.exists() else []
        kept = [line for line in lines if line.partition("=")[0] not in values]
        self.dotenv.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in values.items()), ""]))

    def define(self, name: str, text: str) -> None:
        (self.sources / f"{name}.yaml").write_text(text, encoding="utf-8")

    @property
    def path(self) -> Path:
        return self.dotenv.with_name(FILE_NAME)

    def values(self, path: Path | None = None) -> dict[str, str]:
        lines = (path or self.path).read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def test_it_has_what_the_definitions_refer_to_and_how_to_ingest_and_nothing_else(environment: Environment) -> None:
    written = environment.values()
    ingest = {
        f"INGEST_{name}"
        for name in ("MAX_REJECT_SHARE", "LOOKBACK_DAYS", "CATCH_UP_DAYS", "MEMORY_MB", "LISTING_MINUTES")
    }
    assert written.keys() == SHIPPED | ingest
    secrets = {name: value for name, value in written.items() if name.endswith(("KEY", "SECRET"))}
    assert secrets == {name: environment.values(environment.dotenv)[name] for name in secrets}
    assert environment.path.read_text(encoding="utf-8").startswith(HEADER)
    assert stat.S_IMODE(environment.path.stat().st_mode) == 0o600


def test_every_ingest_setting_and_a_time_zone_that_the_user_sets_are_in_it(environment: Environment) -> None:
    environment.set(INGEST_MAX_ATTEMPTS="9", RETAILER1_TIMEZONE="America/Chicago", RETAILER1_PORT="5001")
    environment.run()
    written = environment.values()
    assert (written["INGEST_MAX_ATTEMPTS"], written["RETAILER1_TIMEZONE"]) == ("9", "America/Chicago")
    assert "RETAILER1_PORT" not in written


@pytest.mark.parametrize(
    ("name", "address", "in_containers"),
    [
        ("RETAILER1_API_URL", "http://localhost:5001", "http://retailer1-api:5001"),
        ("RETAILER2_API_URL", "http://127.0.0.1:5002/api/v2", "http://retailer2-api:5002/api/v2"),
        ("RETAILER3_API_URL", "http://localhost:15003/", "http://retailer3-api:5003/"),
        ("RETAILER1_API_URL", "https://localhost.example.com:5001", None),
        ("RETAILER1_API_URL", "https://api.example.com/v2", None),
        ("RETAILER1_API_URL", "http://localhost:8080/api", None),
        ("RETAILER1_API_URL", "http://localhost:5002", None),
        ("RETAILER1_API_URL", "http://localhost", None),
        ("RETAILER1_PROXY_URL", "http://localhost:3128", None),
        ("RETAILER1_PROXY_URL", "http://localhost:5001", None),
        ("OUTLET_URL", "http://localhost:5001", None),
    ],
)
def test_only_the_published_address_of_a_simulated_retailer_becomes_that_of_its_service(
    environment: Environment, name: str, address: str, in_containers: str | None
) -> None:
    environment.define("outlet_shop", f"{OUTLET}  proxy: {{env: RETAILER1_PROXY_URL}}")
    environment.set(RETAILER3_PORT="15003", **{name: address})
    environment.run()
    assert environment.values()[name] == (in_containers or address)


@pytest.mark.parametrize(
    ("address", "is_reached"),
    [
        ("http://localhost:9999/k3y", False),
        ("http://me:k3y@127.0.0.1", False),
        ("postgresql://[::1]:5432/k3y", False),
        ("https://outlet.example.com/k3y", True),
        ("k3y://[localhost", True),
    ],
)
def test_another_address_of_this_machine_is_named_with_what_to_write_and_not_shown(
    environment: Environment, address: str, is_reached: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.define("outlet_shop", OUTLET)
    environment.set(OUTLET_URL=address, OUTLET_TOKEN="t0ken")
    capsys.readouterr()
    assert environment.run() == 0
    said = capsys.readouterr().err
    assert said.startswith("OUTLET_URL: a container cannot reach") is not is_reached
    assert ("Write this machine's name or address in place of" in said) is not is_reached
    assert len(said.splitlines()) == (0 if is_reached else 1)
    assert "k3y" not in said


def test_a_retailer_whose_port_alone_was_changed_is_still_reached(environment: Environment) -> None:
    environment.set(RETAILER1_PORT="15001")  # RETAILER1_API_URL still names 5001
    environment.run()
    assert environment.values()["RETAILER1_API_URL"] == "http://retailer1-api:5001"


def test_a_new_definition_s_variables_get_a_line_and_are_missing_until_they_have_a_value(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.define("outlet_shop", OUTLET)
    capsys.readouterr()
    assert environment.run("--print-missing") == 1
    assert capsys.readouterr().out.splitlines() == [
        "OUTLET_URL: defined/outlet_shop.yaml refers to it",
        "OUTLET_TOKEN: defined/outlet_shop.yaml refers to it",
    ]
    assert environment.run() == 0
    assert "OUTLET_URL: defined/outlet_shop.yaml refers to it" in capsys.readouterr().out
    text = environment.dotenv.read_text(encoding="utf-8")
    assert text.endswith("\n# For defined/outlet_shop.yaml\nOUTLET_URL=\nOUTLET_TOKEN=\n")
    environment.run()
    assert environment.dotenv.read_text(encoding="utf-8") == text
    assert environment.values().keys() & {"OUTLET_URL", "OUTLET_TOKEN", "OUTLET_ZONE", "NOT_THIS"} == set()
    environment.set(OUTLET_URL="http://localhost:5001", OUTLET_TOKEN="t0ken")
    assert environment.run("--print-missing") == 0
    environment.run()
    assert environment.values()["OUTLET_TOKEN"] == "t0ken"


def test_a_removed_definition_s_variables_are_no_longer_in_it_and_stay_in_env(environment: Environment) -> None:
    (environment.sources / "retailer_2.yaml").unlink()
    environment.run()
    assert {name for name in environment.values() if name.startswith("RETAILER2")} == set()
    assert environment.values(environment.dotenv)["RETAILER2_CLIENT_SECRET"]


def test_a_rotated_secret_is_the_same_in_both_files(environment: Environment) -> None:
    before = environment.values()["RETAILER1_API_KEY"]
    environment.run("--rotate", "RETAILER1_API_KEY")
    after = environment.values()["RETAILER1_API_KEY"]
    assert after == environment.values(environment.dotenv)["RETAILER1_API_KEY"] != before


def test_secrets_in_files_are_not_in_it_and_those_of_sources_have_a_directory_to_themselves(
    environment: Environment,
) -> None:
    environment.define("outlet_shop", OUTLET)
    environment.set(OUTLET_URL="https://outlet.example.com", OUTLET_TOKEN="t0ken")
    environment.run("--secret-files")
    directory = environment.dotenv.parent / ".secrets" / "sources"
    secrets = {"OUTLET_TOKEN", "RETAILER1_API_KEY", "RETAILER2_CLIENT_SECRET", "RETAILER3_HMAC_SECRET"}
    assert {path.name for path in directory.iterdir()} == secrets
    assert environment.values().keys() & secrets == set()
    assert environment.values()["OUTLET_URL"] == "https://outlet.example.com"
    assert environment.run("--print-missing") == 0


@pytest.mark.parametrize(
    ("settings", "is_mounted"),
    [
        ({"OUTLET_TOKEN_FILE": "store/OUTLET_TOKEN"}, False),
        ({"OUTLET_TOKEN_FILE": "store/OUTLET_TOKEN", "COMPOSE_FILE": WITH_FILES}, False),
        ({"SECRETS_DIRECTORY": "./store"}, False),
        ({"OUTLET_TOKEN_FILE": "elsewhere", "SECRETS_DIRECTORY": "./other", "COMPOSE_FILE": WITH_FILES}, False),
        ({"OUTLET_TOKEN_FILE": "elsewhere", "SECRETS_DIRECTORY": "./store", "COMPOSE_FILE": WITH_FILES}, True),
        ({"SECRETS_DIRECTORY": "./store", "COMPOSE_FILE": WITH_FILES}, True),
    ],
)
def test_a_file_that_no_container_mounts_is_missing_until_secret_files_moves_it(
    environment: Environment, settings: dict[str, str], is_mounted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.define("outlet_shop", OUTLET)
    root = environment.dotenv.parent
    (root / "store").mkdir()
    for path in (root / "elsewhere", root / "store" / "OUTLET_TOKEN"):
        path.write_text("t0ken", encoding="utf-8")
    environment.set(OUTLET_URL="https://outlet.example.com", **settings)
    for arguments in ((), ("--print-missing",)):
        capsys.readouterr()
        environment.run(*arguments)
        said = capsys.readouterr().out
        assert ("OUTLET_TOKEN: the containers do not have its file" in said) is not is_mounted
        assert ("python3 scripts/generate_env.py --secret-files" in said) is not is_mounted
    assert environment.run("--print-missing") == (0 if is_mounted else 1)

    assert environment.run("--secret-files") == 0
    capsys.readouterr()
    assert environment.run("--print-missing") == 0, capsys.readouterr().out
    directory = settings.get("SECRETS_DIRECTORY", "./.secrets/sources")
    assert environment.values(environment.dotenv)["SECRETS_DIRECTORY"] == directory
    assert (root / directory / "OUTLET_TOKEN").read_text() == "t0ken"
    assert (root / "elsewhere").exists(), "a file of the user's own stays where it is"


def test_a_simulated_retailer_s_file_elsewhere_is_missing_too(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    (environment.dotenv.parent / "k").write_text("k3y")
    environment.set(RETAILER1_API_KEY="", RETAILER1_API_KEY_FILE="k")
    capsys.readouterr()
    assert environment.run("--print-missing") == 1
    assert "RETAILER1_API_KEY: the containers do not have its file" in capsys.readouterr().out


def test_files_from_before_there_was_a_directory_for_sources_move_into_it(environment: Environment) -> None:
    secrets = environment.dotenv.parent / ".secrets"
    secrets.mkdir()
    (secrets / "RETAILER1_API_KEY").write_text("k3y")
    environment.set(RETAILER1_API_KEY="", RETAILER1_API_KEY_FILE=".secrets/RETAILER1_API_KEY")
    environment.run("--secret-files")
    assert not (secrets / "RETAILER1_API_KEY").exists()
    assert (secrets / "sources" / "RETAILER1_API_KEY").read_text() == "k3y"
    assert environment.values(environment.dotenv)["RETAILER1_API_KEY_FILE"] == ".secrets/sources/RETAILER1_API_KEY"


def test_a_file_is_not_deleted_before_env_names_its_successor(environment: Environment) -> None:
    file = environment.dotenv.parent / ".secrets" / "RETAILER1_API_KEY"
    file.parent.mkdir()
    file.write_text("k3y")
    environment.set(RETAILER1_API_KEY="", RETAILER1_API_KEY_FILE=".secrets/RETAILER1_API_KEY")
    environment.set(RETAILER2_TIMEZONE="${HOME}")  # sources.env cannot be written
    assert environment.run("--secret-files") == 2
    assert file.read_text() == "k3y"
    environment.set(RETAILER2_TIMEZONE="Europe/London")
    assert environment.run("--secret-files") == 0
    assert not file.exists()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain-1.2_x/y:z@h%20,a=b+", "plain-1.2_x/y:z@h%20,a=b+"),
        ("two words", "'two words'"),
        ("a$b#c", "'a$b#c'"),
        ('say "hi" now', "'say \"hi\" now'"),
        ("back\\slash", "'back\\slash'"),
        ("it's", '"it\'s"'),
    ],
)
def test_a_value_is_quoted_so_that_docker_compose_takes_it_literally(
    environment: Environment, value: str, written: str
) -> None:
    environment.set(RETAILER1_API_KEY=value)
    assert environment.run() == 0
    assert environment.values()["RETAILER1_API_KEY"] == written


@pytest.mark.parametrize("value", ["${HOME}", "a\\\\b", "it's $5", "'\"'x", "ends with \\"])
def test_a_value_that_docker_compose_would_change_is_rejected_and_nothing_is_written(
    environment: Environment, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = environment.path.read_text(encoding="utf-8")
    value = f"x{value}x" if value.startswith("'") else value
    environment.set(RETAILER1_API_KEY=value)
    assert environment.run() == 2
    said = capsys.readouterr().err
    assert "Run: python3 scripts/generate_env.py --secret-files" in said
    assert value not in said
    assert environment.path.read_text(encoding="utf-8") == before

    assert environment.run("--secret-files") == 0, "what the message says to do"
    assert (environment.dotenv.parent / ".secrets" / "sources" / "RETAILER1_API_KEY").read_text() == value
    assert environment.run("--print-missing") == 0


def test_a_setting_that_docker_compose_would_change_has_to_be_corrected(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.set(RETAILER1_TIMEZONE="${HOME}")
    assert environment.run() == 2
    assert "Correct it, or write it in the definition" in capsys.readouterr().err
