from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.integration.tls.conftest import Certificates


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def alternative_names(directory: Path) -> list[str]:
    text = openssl("x509", "-in", directory / "server.crt", "-noout", "-ext", "subjectAltName")
    return re.findall(r"(?:DNS|IP Address):([^,\s]+)", text)


def days_left(certificate: Path, days: int) -> bool:
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-checkend", str(days * 86400)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_ca_and_a_certificate_that_it_signed(tmp_path: Path, make_certificates: Certificates) -> None:
    done = make_certificates(tmp_path)

    assert done.returncode == 0, done.stderr
    assert f"its key is {tmp_path / 'ca.key'}" in done.stdout
    openssl("verify", "-CAfile", tmp_path / "ca.crt", "-purpose", "sslserver", tmp_path / "server.crt")
    assert alternative_names(tmp_path) == ["postgres", "localhost", "127.0.0.1"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "server.crt": 0o644, "server.key": 0o600}


def test_what_is_good_is_kept(tmp_path: Path, make_certificates: Certificates) -> None:
    make_certificates(tmp_path)
    before = contents(tmp_path)

    assert "certificate kept" in make_certificates(tmp_path).stdout
    assert "certificate kept" in make_certificates(tmp_path, "localhost").stdout
    assert contents(tmp_path) == before


def test_another_name_needs_a_new_certificate_of_the_same_ca(tmp_path: Path, make_certificates: Certificates) -> None:
    make_certificates(tmp_path)
    before = contents(tmp_path)

    done = make_certificates(tmp_path, "postgres", "db.example.org", "::1")

    assert "it is not for db.example.org" in done.stdout
    assert contents(tmp_path)["ca.crt"] == before["ca.crt"]
    assert alternative_names(tmp_path) == ["postgres", "db.example.org", "0:0:0:0:0:0:0:1"]
    openssl("verify", "-CAfile", tmp_path / "ca.crt", tmp_path / "server.crt")


def test_a_certificate_that_ends_within_a_month_is_renewed(tmp_path: Path, make_certificates: Certificates) -> None:
    make_certificates(tmp_path, "--days", "29", "localhost")
    before = contents(tmp_path)

    done = make_certificates(tmp_path, "localhost")

    assert "it expires within 30 days" in done.stdout
    assert contents(tmp_path)["ca.crt"] == before["ca.crt"]
    assert days_left(tmp_path / "server.crt", 390)


def test_a_ca_that_ends_within_a_month_is_renewed_for_those_who_know_the_old_one(
    tmp_path: Path, make_certificates: Certificates
) -> None:
    make_certificates(tmp_path)
    subject = "/O=Retail analytics/CN=Private CA 12345678"
    ca: list[str | Path] = ["req", "-x509", "-new", "-key", tmp_path / "ca.key", "-subj", subject, "-days", "20"]
    openssl(*ca, "-out", tmp_path / "ca.crt")
    shutil.copy(tmp_path / "ca.crt", tmp_path / "old.crt")

    done = make_certificates(tmp_path)

    assert "CA renewed" in done.stdout
    assert days_left(tmp_path / "ca.crt", 3600)
    for known in ("old.crt", "ca.crt"):
        openssl("verify", "-CAfile", tmp_path / known, tmp_path / "server.crt")


def test_the_key_of_the_ca_can_be_moved_away(tmp_path: Path, make_certificates: Certificates) -> None:
    make_certificates(tmp_path)
    away = tmp_path / "away"
    away.mkdir()
    (tmp_path / "ca.key").rename(away / "ca.key")

    assert make_certificates(tmp_path).returncode == 0
    rejected = make_certificates(tmp_path, "elsewhere.example.org")
    assert rejected.returncode == 1
    assert "needs the CA's key, which is not at" in rejected.stderr
    assert make_certificates(tmp_path, "--ca-key", str(away / "ca.key"), "elsewhere.example.org").returncode == 0
    assert alternative_names(tmp_path) == ["elsewhere.example.org"]


def test_another_ca_s_key_is_rejected_and_nothing_changes(tmp_path: Path, make_certificates: Certificates) -> None:
    make_certificates(tmp_path / "one")
    make_certificates(tmp_path / "two")
    before = contents(tmp_path / "one")

    rejected = make_certificates(tmp_path / "one", "--ca-key", str(tmp_path / "two" / "ca.key"), "other.example.org")

    assert rejected.returncode == 1
    assert "did not sign" in rejected.stderr
    assert contents(tmp_path / "one") == before


def test_clients_get_a_directory_without_any_key(tmp_path: Path, make_certificates: Certificates) -> None:
    public = tmp_path / "public"

    make_certificates(tmp_path / "private", "--publish", str(public))

    assert contents(public) == {"ca.crt": (tmp_path / "private" / "ca.crt").read_bytes()}
    assert stat.S_IMODE(public.stat().st_mode) == 0o755
    assert stat.S_IMODE((public / "ca.crt").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    "arguments",
    [("a name",), ("x,DNS:evil",), ("--days", "0"), ("--days", "soon"), ("--days",), ("--nothing",)],
)
def test_wrong_usage_is_reported_and_nothing_is_created(
    tmp_path: Path, make_certificates: Certificates, arguments: tuple[str, ...]
) -> None:
    rejected = make_certificates(tmp_path / "new", *arguments)

    assert rejected.returncode == 2
    assert rejected.stderr.startswith("generate_certificates: ")
    assert not (tmp_path / "new").exists()


def test_the_help_says_what_each_file_is_for(tmp_path: Path, make_certificates: Certificates) -> None:
    shown = make_certificates(tmp_path, "--help").stdout

    assert all(name in shown for name in ("ca.crt", "ca.key", "server.crt", "server.key", "moved away"))
